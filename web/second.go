package web

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// The second factor of staff who log in by password: codes from an app. Between the password and the code the session is
// nobody's; it only knows who has shown the password. So it is while one is set up that the configuration demands.

const (
	keyHalf   = "half"   // a staff member of whom the second factor is still to come
	keySecret = "secret" // of a second factor that is being set up
)

// half is that staff member, as the session keeps it.
type half struct {
	Address, Name, To string
	At                time.Time
}

// halfTime is how long a password counts for the code.
const halfTime = 10 * time.Minute

// passwordShown goes on to the page of the code, to that where one is set up, or in.
func (s *Server) passwordShown(v *visit, account vault.Account, to string) error {
	second, err := s.config.Vault.Directory().TOTP(v.r.Context(), account.Address)
	if err != nil {
		return err
	}
	page := "/staff/code"
	switch {
	case !second.Since.IsZero():
	case s.config.Staff.SecondFactor:
		page = "/staff/second"
	default:
		return s.enterStaff(v, account, "password", "", to)
	}
	kept, err := json.Marshal(half{account.Address.String(), account.Name, to, s.now()})
	if err != nil {
		return err
	}
	if err := s.sessions.Clear(v.r.Context()); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(v.r.Context()); err != nil {
		return err
	}
	s.sessions.Put(v.r.Context(), keyHalf, string(kept))
	return v.redirect(page)
}

// halfIn is who has shown the password of late.
func (s *Server) halfIn(v *visit) (account vault.Account, to string, ok bool) {
	var h half
	if json.Unmarshal([]byte(s.sessions.GetString(v.r.Context(), keyHalf)), &h) != nil || s.now().Sub(h.At) > halfTime {
		return account, "", false
	}
	a, err := policy.ParseAddress(h.Address)
	return vault.Account{Address: a, Name: h.Name}, h.To, err == nil
}

type codeBody struct{ Failed bool }

func (s *Server) codeForm(v *visit) error {
	if _, _, ok := s.halfIn(v); !ok {
		return v.redirect("/staff/login")
	}
	return s.render(v, http.StatusOK, "code", v.lang.text("code.title"), codeBody{})
}

// checkCode is the second step of a login.
func (s *Server) checkCode(v *visit) error {
	if err := s.smallForm(v); err != nil {
		return err
	}
	account, to, ok := s.halfIn(v)
	if !ok {
		return v.redirect("/staff/login")
	}
	err := s.config.Vault.Directory().CheckTOTP(v.r.Context(), account.Address, v.r.PostForm.Get("code"), address(v.r))
	if errors.Is(err, vault.ErrBadCredentials) {
		return s.render(v, http.StatusForbidden, "code", v.lang.heading("code.title", true), codeBody{Failed: true})
	}
	if err != nil {
		return err
	}
	return s.enterStaff(v, account, "password and code", "", to)
}

type secondBody struct {
	Set      bool // it is set up
	Since    time.Time
	Left     int      // recovery codes
	Recovery []string // just made
	To       string   // where to go from there
	Must     bool     // the configuration demands it
	Failed   bool
	Code     *code
	Secret   string       // in groups
	App      template.URL // otpauth address, of our making
}

// secondOwner is whose second factor the page is about: who is in, or has shown the password and must set one up.
func (s *Server) secondOwner(v *visit) (account vault.Account, to string, must bool, err error) {
	if v.in && !v.who.IsPerson() {
		account, err = s.config.Vault.Directory().Account(v.r.Context(), v.who.Address())
		return account, "/messages", false, err
	}
	account, to, ok := s.halfIn(v)
	if !ok || !s.config.Staff.SecondFactor {
		return account, "", false, errNoPage
	}
	return account, orMessages(to), true, nil
}

// second shows what is set up, or the secret for the app. The secret stays in the session until a code shows that the app
// has it.
func (s *Server) second(v *visit) error {
	account, _, must, err := s.secondOwner(v)
	if err != nil {
		return err
	}
	now, err := s.config.Vault.Directory().TOTP(v.r.Context(), account.Address)
	if err != nil {
		return err
	}
	if !now.Since.IsZero() {
		if must { // it was set up elsewhere in the meantime
			return v.redirect("/staff/code")
		}
		b := secondBody{Set: true, Since: now.Since, Left: now.Recovery}
		return s.render(v, http.StatusOK, "second", v.lang.text("second.title"), b)
	}
	return s.offerSecret(v, account.Address, must, false)
}

func (s *Server) offerSecret(v *visit, account policy.Address, must, failed bool) error {
	secret := s.sessions.GetBytes(v.r.Context(), keySecret)
	if secret == nil {
		secret = vault.NewTOTPSecret()
		s.sessions.Put(v.r.Context(), keySecret, secret)
	}
	b := secondBody{Must: must, Failed: failed}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	app := otpauth(s.config.Organisation.Name, account.String(), text)
	b.Secret, b.App = inGroups(text, 4), template.URL(app)
	var err error
	if b.Code, err = drawCode(app); err != nil {
		return err
	}
	status := http.StatusOK
	if failed {
		status = http.StatusUnprocessableEntity
	}
	return s.render(v, status, "second", v.lang.heading("second.title", failed), b)
}

// otpauth is the address that apps read from QR codes: the form that Google Authenticator began and all of them know.
func otpauth(issuer, account, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {issuer}}
	label := url.PathEscape(strings.ReplaceAll(issuer, ":", " ")) + ":" + url.PathEscape(account)
	return "otpauth://totp/" + label + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

func inGroups(text string, n int) string {
	var groups []string
	for group := range slices.Chunk([]byte(text), n) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, " ")
}

// setSecond takes the first code, and shows the recovery codes this once.
func (s *Server) setSecond(v *visit) error {
	if err := s.smallForm(v); err != nil {
		return err
	}
	account, to, must, err := s.secondOwner(v)
	if err != nil {
		return err
	}
	ctx, directory := v.r.Context(), s.config.Vault.Directory()
	secret := s.sessions.GetBytes(ctx, keySecret)
	if secret == nil {
		return errOldForm
	}
	now, err := directory.TOTP(ctx, account.Address)
	if err == nil && !now.Since.IsZero() {
		err = errOldForm // or who has the session alone would put another in its place
	}
	if err != nil {
		return err
	}
	recovery, err := directory.SetTOTP(ctx, account.Address, secret, v.r.PostForm.Get("code"))
	if errors.Is(err, vault.ErrBadCredentials) {
		return s.offerSecret(v, account.Address, must, true)
	}
	if err != nil {
		return err
	}
	s.sessions.Remove(ctx, keySecret)
	if must {
		if err := s.makeStaff(v, account, "password and code", ""); err != nil {
			return err
		}
		v.who, v.name, v.in = vault.Staff(account.Address), account.Name, true
	}
	b := secondBody{Set: true, Recovery: recovery, To: to}
	return s.render(v, http.StatusOK, "second", v.lang.text("second.title"), b)
}
