package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sigill/vault"
)

// Passkeys are a second factor after the password, by WebAuthn level 3. The browser speaks with the authenticator, by the
// page's script; what comes of it is a field of an ordinary form. The challenge stays in the session, counts once, and for
// a few minutes. Who is at the authenticator must have shown it a PIN, a finger or a face.

const (
	keyCreate = "create" // the ceremony that makes a passkey
	keyGet    = "get"    // the ceremony that uses one
)

// ceremonyTime is how long a challenge counts.
const ceremonyTime = 5 * time.Minute

// errNoCeremony means that there is no challenge, or none any more.
var errNoCeremony = errors.New("web: no challenge was given, or it has been used or is too old")

// newPasskeys gives nil where browsers have no passkeys: the name they are for must be a domain (WebAuthn level 3 section
// 5.1.3, step 8).
func newPasskeys(c Config, host, name string) (*webauthn.WebAuthn, error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return nil, nil
	}
	return webauthn.New(&webauthn.Config{
		RPID: name, RPDisplayName: c.Organisation.Name, RPOrigins: []string{"https://" + host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:      protocol.ResidentKeyRequirementDiscouraged, // whose it is, the password has told
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: ceremonyTime},
			Registration: webauthn.TimeoutConfig{Timeout: ceremonyTime},
		},
	})
}

// holder is an account as the library wants it.
type holder struct {
	account vault.Account
	second  vault.Second
}

func (h holder) WebAuthnID() []byte          { return h.second.Handle }
func (h holder) WebAuthnName() string        { return h.account.Address.String() }
func (h holder) WebAuthnDisplayName() string { return h.account.Name }

func (h holder) WebAuthnCredentials() (out []webauthn.Credential) {
	for _, p := range h.second.Passkeys {
		out = append(out, webauthn.Credential{
			ID: p.CredentialID, PublicKey: p.PublicKey,
			Flags:         webauthn.CredentialFlags{BackupEligible: p.Synced},
			Authenticator: webauthn.Authenticator{SignCount: p.Count},
		})
	}
	return out
}

// ceremony is what the session keeps between a challenge and its answer.
type ceremony struct {
	Data webauthn.SessionData
	At   time.Time
}

// beginCreate gives what the page's script needs to have a passkey made; "" where there are none.
func (s *Server) beginCreate(v *visit, h holder) (options string, err error) {
	if s.passkeys == nil {
		return "", nil
	}
	known := webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()
	creation, data, err := s.passkeys.BeginRegistration(h, webauthn.WithExclusions(known))
	if err != nil {
		return "", err
	}
	return s.begin(v, keyCreate, creation.Response, data)
}

// beginGet gives what the page's script needs to have one of the account's passkeys used; "" if it has none.
func (s *Server) beginGet(v *visit, h holder) (options string, err error) {
	if s.passkeys == nil || len(h.second.Passkeys) == 0 {
		return "", nil
	}
	assertion, data, err := s.passkeys.BeginLogin(h)
	if err != nil {
		return "", err
	}
	return s.begin(v, keyGet, assertion.Response, data)
}

func (s *Server) begin(v *visit, key string, options any, data *webauthn.SessionData) (string, error) {
	shown, err := json.Marshal(options)
	if err != nil {
		return "", err
	}
	kept, err := json.Marshal(ceremony{*data, s.now()})
	if err != nil {
		return "", err
	}
	s.sessions.Put(v.r.Context(), key, string(kept))
	v.script = true
	return string(shown), nil
}

// ceremonyOf takes the challenge out of the session before anything is judged by it, so it counts once.
func (s *Server) ceremonyOf(v *visit, key string) (webauthn.SessionData, error) {
	kept, _ := s.sessions.Pop(v.r.Context(), key).(string)
	var c ceremony
	if s.passkeys == nil || json.Unmarshal([]byte(kept), &c) != nil || s.now().Sub(c.At) > ceremonyTime {
		return c.Data, errNoCeremony
	}
	return c.Data, nil
}

// checkPasskey is the second step by a passkey, whose challenge is used up whatever comes of it.
func (s *Server) checkPasskey(v *visit) error {
	return s.secondStep(v, "password and passkey", "code.passkey.failed", func(account vault.Account) error {
		data, err := s.ceremonyOf(v, keyGet)
		if err != nil {
			return err
		}
		answer := []byte(v.r.PostForm.Get("answer"))
		return s.config.Vault.Directory().CheckPasskey(v.r.Context(), account.Address, address(v.r), func(second vault.Second) ([]byte, uint32, error) {
			parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
			if err != nil {
				return nil, 0, err
			}
			_, err = s.passkeys.ValidateLogin(holder{account, second}, data, parsed)
			return parsed.RawID, parsed.Response.AuthenticatorData.Counter, err
		})
	})
}

// addPasskey takes a passkey that the browser has had made.
func (s *Server) addPasskey(v *visit) error {
	if err := s.smallForm(v); err != nil {
		return err
	}
	o, err := s.secondOwner(v)
	if err != nil {
		return err
	}
	if !o.mayAdd() {
		return v.redirect("/staff/code")
	}
	name := v.r.PostForm.Get("name")
	data, err := s.ceremonyOf(v, keyCreate)
	if err != nil {
		return s.secondPage(v, http.StatusConflict, o, secondBody{Fault: "passkey.old", Value: name})
	}
	created, err := s.created(o, data, v.r.PostForm.Get("answer"))
	if err != nil {
		s.log.Info("web: a passkey is refused", "err", err)
		return s.secondPage(v, http.StatusUnprocessableEntity, o, secondBody{Fault: "passkey.failed", Value: name})
	}
	recovery, err := s.config.Vault.Directory().AddPasskey(v.r.Context(), o.account.Address, name, created)
	fault := ""
	switch {
	case errors.Is(err, vault.ErrPasskeyName):
		fault = "passkey.error.name"
	case errors.Is(err, vault.ErrTooManyPasskeys):
		fault = "passkey.error.many"
	case errors.Is(err, vault.ErrBadCredentials):
		fault = "passkey.failed"
	case err != nil:
		return err
	default:
		return s.added(v, o, recovery, "password and passkey")
	}
	return s.secondPage(v, http.StatusUnprocessableEntity, o, secondBody{Fault: fault, Value: name})
}

func (s *Server) created(o owner, data webauthn.SessionData, answer string) (vault.Credential, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return vault.Credential{}, err
	}
	c, err := s.passkeys.CreateCredential(holder{o.account, o.second}, data, parsed)
	if err != nil {
		return vault.Credential{}, err
	}
	return vault.Credential{CredentialID: c.ID, PublicKey: c.PublicKey, Count: c.Authenticator.SignCount, Synced: c.Flags.BackupEligible}, nil
}
