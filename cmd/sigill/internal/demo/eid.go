package demo

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"

	"sigill/policy"
)

// The claims and the assurance level of the Swedish OIDC profile. A samordningsnummer has a claim of its own.
const (
	ClaimPersonnummer      = "https://id.oidc.se/claim/personalIdentityNumber"
	ClaimSamordningsnummer = "https://id.oidc.se/claim/coordinationNumber"
	ScopeNumber            = "https://id.oidc.se/scope/naturalPersonNumber"
	LevelOfAssurance       = "http://id.elegnamnden.se/loa/1.0/loa3"
)

// EIDConfig describes the e-ID and its only client.
type EIDConfig struct {
	// Issuer is the https address the e-ID is reached at.
	Issuer       string
	ClientID     string
	ClientSecret string
	RedirectURIs []string
	// LogoutURIs are where a browser may go after a log-out.
	LogoutURIs []string
	// Persons are offered as help on the page; every test number is taken.
	Persons []Person
}

// EID is an e-ID without the app: an OpenID provider with the code flow, PKCE and the claims of the Swedish OIDC profile,
// and one page where a test number is written. Everything is in memory.
type EID struct {
	config   EIDConfig
	provider *op.Provider
	store    *eidStore
	handler  http.Handler
}

// NewEID makes the provider with a signing key of its own.
func NewEID(c EIDConfig) (*EID, error) {
	store, err := newEIDStore(c)
	if err != nil {
		return nil, err
	}
	e := &EID{config: c, store: store}
	var seal [32]byte
	rand.Read(seal[:])
	e.provider, err = op.NewProvider(&op.Config{
		CryptoKey:          seal,
		CodeMethodS256:     true,
		SupportedScopes:    []string{oidc.ScopeOpenID, ScopeNumber},
		SupportedClaims:    []string{"sub", "acr", "auth_time", ClaimPersonnummer, ClaimSamordningsnummer},
		SupportedUILocales: []language.Tag{language.Swedish, language.English},
	}, store, op.StaticIssuer(c.Issuer))
	if err != nil {
		return nil, fmt.Errorf("demo: e-ID: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", e.provider)
	mux.HandleFunc("GET /{$}", e.front)
	mux.HandleFunc("GET /login", e.ask)
	mux.HandleFunc("POST /login", e.answer)
	mux.HandleFunc("GET /cancel", e.cancel)
	mux.HandleFunc("GET /style.css", style)
	e.handler = mux
	return e, nil
}

// Serve answers on l until ctx ends.
func (e *EID) Serve(ctx context.Context, l net.Listener, certificate tls.Certificate) error {
	return serveHTTP(ctx, tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}), e.handler)
}

// serveHTTP answers on l until ctx ends, and lets requests under way finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: discardLog,
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		stopped <- errors.Join(server.Shutdown(grace), server.Close())
	})
	err := server.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("demo: %w", err)
	}
	<-stopped
	return nil
}

func (e *EID) front(w http.ResponseWriter, r *http.Request) {
	e.show(w, r, http.StatusOK, eidPage{})
}

// ask shows the form for a login under way.
func (e *EID) ask(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	if _, err := e.store.AuthRequestByID(r.Context(), id); err != nil {
		e.show(w, r, http.StatusNotFound, eidPage{Fault: "gone"})
		return
	}
	e.show(w, r, http.StatusOK, eidPage{Login: id})
}

// answer logs the person in whose number was written.
func (e *EID) answer(w http.ResponseWriter, r *http.Request) {
	id, number := r.PostFormValue("id"), r.PostFormValue("personal_number")
	if _, err := e.store.AuthRequestByID(r.Context(), id); err != nil {
		e.show(w, r, http.StatusNotFound, eidPage{Fault: "gone"})
		return
	}
	person, err := policy.ParsePersonID(number)
	if err != nil {
		e.show(w, r, http.StatusUnprocessableEntity, eidPage{Login: id, Written: number, Fault: faultOf(err)})
		return
	}
	if !person.Test() {
		e.show(w, r, http.StatusUnprocessableEntity, eidPage{Login: id, Written: number, Fault: "real"})
		return
	}
	if err := e.store.finish(id, person); err != nil {
		e.show(w, r, http.StatusNotFound, eidPage{Fault: "gone"})
		return
	}
	callback := op.AuthCallbackURL(e.provider)(op.ContextWithIssuer(r.Context(), e.config.Issuer), id)
	http.Redirect(w, r, callback, http.StatusSeeOther)
}

// cancel is the person who changes their mind.
func (e *EID) cancel(w http.ResponseWriter, r *http.Request) {
	request, err := e.store.AuthRequestByID(r.Context(), r.URL.Query().Get("id"))
	if err != nil {
		e.show(w, r, http.StatusNotFound, eidPage{Fault: "gone"})
		return
	}
	_ = e.store.DeleteAuthRequest(r.Context(), request.GetID())
	op.AuthRequestError(w, r, request, oidc.ErrAccessDenied().WithDescription("the person broke off"), e.provider)
}

// faultOf names the text that tells what is wrong with a number.
func faultOf(err error) string {
	switch {
	case errors.Is(err, policy.ErrPersonLength):
		return "length"
	case errors.Is(err, policy.ErrPersonDate):
		return "date"
	case errors.Is(err, policy.ErrPersonInterim):
		return "interim"
	case errors.Is(err, policy.ErrPersonOrganisation):
		return "organisation"
	}
	return "checkdigit"
}
