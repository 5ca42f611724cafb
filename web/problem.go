package web

import (
	"context"
	"errors"
	"net/http"

	"sigill/vault"
	"sigill/web/clean"
	"sigill/web/export"
	"sigill/web/login"
)

// Problems of the pages' own.
var (
	errNoPage      = errors.New("web: no such page")
	errMethod      = errors.New("web: method not allowed")
	errCrossOrigin = errors.New("web: request from another site")
	errTooMany     = errors.New("web: too many attempts")
	errBadForm     = errors.New("web: the form cannot be read")
	errOldForm     = errors.New("web: the form is too old")
	errTooLarge    = errors.New("web: too large")
	errTooSlow     = errors.New("web: the upload stopped")
)

// problems is what each error says on a page: the texts are problem.<name>.title and problem.<name>.text.
var problems = []struct {
	err    error
	status int
	name   string
}{
	{vault.ErrNotFound, http.StatusNotFound, "message"},
	{errNoPage, http.StatusNotFound, "page"},
	{errMethod, http.StatusMethodNotAllowed, "method"},
	{errCrossOrigin, http.StatusForbidden, "origin"},
	{errTooMany, http.StatusTooManyRequests, "many"},
	{vault.ErrTooManyTries, http.StatusTooManyRequests, "many"},
	{errBadForm, http.StatusBadRequest, "form"},
	{errOldForm, http.StatusConflict, "old"},
	{errTooLarge, http.StatusRequestEntityTooLarge, "large"},
	{errTooSlow, http.StatusRequestTimeout, "slow"},
	{clean.ErrTooLarge, http.StatusRequestEntityTooLarge, "long"},
	{export.ErrTooLarge, http.StatusRequestEntityTooLarge, "long"},
	{vault.ErrNoReply, http.StatusForbidden, "reply"},
	{vault.ErrLegalHold, http.StatusConflict, "legal"},
	{vault.ErrTaken, http.StatusConflict, "taken"},
	{vault.ErrOwnAccess, http.StatusForbidden, "own"},
	{vault.ErrRoleHolder, http.StatusForbidden, "role"},
	{vault.ErrHeld, http.StatusConflict, "held"},
	{vault.ErrFenced, http.StatusForbidden, "fenced"},
	{vault.ErrFull, http.StatusInsufficientStorage, "full"},
	{vault.ErrDamaged, http.StatusInternalServerError, "damaged"},
	{login.ErrCancelled, http.StatusForbidden, "cancelled"},
	{login.ErrState, http.StatusBadRequest, "state"},
	{errNotStaff, http.StatusForbidden, "notstaff"},
	{errNoAccount, http.StatusForbidden, "account"},
	{login.ErrNoAddress, http.StatusForbidden, "account"},
	{login.ErrAssurance, http.StatusForbidden, "assurance"},
	{login.ErrNoNumber, http.StatusForbidden, "number"},
	{login.ErrBadNumber, http.StatusForbidden, "number"},
	{login.ErrToken, http.StatusBadGateway, "token"},
	{login.ErrUnavailable, http.StatusBadGateway, "unavailable"},
}

// logged are the known problems that somebody who runs the server wants to hear of.
var logged = []error{
	vault.ErrFull, vault.ErrDamaged, login.ErrToken, login.ErrUnavailable, login.ErrBadNumber, login.ErrNoNumber, login.ErrNoAddress, login.ErrAssurance,
}

type problemBody struct {
	Kind     string
	Incident string
}

// problem makes a page of an error; nothing else does. What it does not know is a fault of ours: the page has a name for
// the incident and nothing more, the log has the cause under that name.
func (s *Server) problem(w http.ResponseWriter, v *visit, err error) {
	v.w = w
	body, status := problemBody{Kind: "fault"}, http.StatusInternalServerError
	for _, p := range problems {
		if errors.Is(err, p.err) {
			body.Kind, status = p.name, p.status
			break
		}
	}
	if body.Kind == "fault" && errors.Is(err, context.Canceled) {
		return // the visitor has gone
	}
	if body.Kind == "fault" || isAny(err, logged) {
		body.Incident = incident()
		s.log.Error("web: problem", "incident", body.Incident, "route", v.r.Pattern, "kind", body.Kind, "err", err)
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "60")
	}
	if err := s.render(v, status, "problem", v.lang.text("problem."+body.Kind+".title"), body); err != nil {
		s.log.Error("web: the problem page failed", "incident", body.Incident, "err", err)
		http.Error(w, v.lang.text("problem.fault.title"), status)
	}
}

func isAny(err error, of []error) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
