package web

import (
	"encoding/base32"
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

// Who changes a second factor that there is must have shown it of late: a session that somebody left open is not enough.
// Without one, whoever is in may set one up, and must if the configuration demands it.

const keySecret = "secret" // of an app that is being set up

type secondBody struct {
	vault.Second
	On    bool // there is one
	Fresh bool // it may be changed, since it was shown of late
	Must  bool // the configuration demands one
	// Codes are recovery codes that were just made; Done that a factor was just added; To is where to go from there.
	Codes []string
	Done  bool
	To    string
	// Options are what the script needs for a new passkey; "" where there can be none.
	Options string
	Value   string // a passkey's name as it was typed
	Fault   string // key of what is wrong
	Failed  bool   // it is the app's code
	// NewApp tells that one can be set up.
	NewApp bool
	Code   *code
	Secret string       // in groups
	App    template.URL // otpauth address, of our making
}

// owner is whose second factor the page is about: who is in, or has shown the password and must set one up.
type owner struct {
	account vault.Account
	second  vault.Second
	to      string
	must    bool
	fresh   bool
}

// mayAdd keeps who has the session alone from adding a factor to those there are.
func (o owner) mayAdd() bool { return o.second.Factors() == 0 || o.fresh }

func (s *Server) secondOwner(v *visit) (o owner, err error) {
	ctx, directory := v.r.Context(), s.config.Vault.Directory()
	if v.in && !v.who.IsPerson() {
		o.to = "/messages"
		o.fresh = s.now().Sub(time.Unix(s.sessions.GetInt64(ctx, keyProved), 0)) <= provedTime
		if o.account, err = directory.Account(ctx, v.who.Address()); err != nil {
			return o, err
		}
	} else {
		account, to, ok := s.halfIn(v)
		if !ok || !s.config.Staff.SecondFactor {
			return o, errNoPage
		}
		o.account, o.to, o.must = account, orMessages(to), true
	}
	o.second, err = directory.Second(ctx, o.account.Address)
	return o, err
}

// seconds shows what is set up, and what can be.
func (s *Server) seconds(v *visit) error {
	o, err := s.secondOwner(v)
	if err != nil {
		return err
	}
	if o.must && o.second.Factors() > 0 { // it was set up elsewhere in the meantime
		return v.redirect("/staff/code")
	}
	return s.secondPage(v, http.StatusOK, o, secondBody{})
}

// secondPage shows the page with what b has of it. The app's secret stays in the session until a code shows that the app
// has it.
func (s *Server) secondPage(v *visit, status int, o owner, b secondBody) (err error) {
	b.Second, b.On, b.Fresh, b.Must = o.second, o.second.Factors() > 0, o.fresh, o.must
	if o.mayAdd() {
		if b.Options, err = s.beginCreate(v, holder{o.account, o.second}); err != nil {
			return err
		}
		if b.NewApp = o.second.TOTP.IsZero(); b.NewApp {
			if err := s.offerApp(v, o.account.Address, &b); err != nil {
				return err
			}
		}
	}
	return s.render(v, status, "second", v.lang.heading("second.title", b.Fault != ""), b)
}

func (s *Server) offerApp(v *visit, account policy.Address, b *secondBody) (err error) {
	secret := s.sessions.GetBytes(v.r.Context(), keySecret)
	if secret == nil {
		secret = vault.NewTOTPSecret()
		s.sessions.Put(v.r.Context(), keySecret, secret)
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	app := otpauth(s.config.Organisation.Name, account.String(), text)
	b.Secret, b.App = inGroups(text, 4), template.URL(app)
	b.Code, err = drawCode(app)
	return err
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

// setSecond takes the first code of an app.
func (s *Server) setSecond(v *visit) error {
	if err := s.smallForm(v); err != nil {
		return err
	}
	o, err := s.secondOwner(v)
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	secret := s.sessions.GetBytes(ctx, keySecret)
	if secret == nil || !o.second.TOTP.IsZero() || !o.mayAdd() {
		return errOldForm // or who has the session alone would put another in its place
	}
	recovery, err := s.config.Vault.Directory().SetTOTP(ctx, o.account.Address, secret, v.r.PostForm.Get("code"))
	if errors.Is(err, vault.ErrBadCredentials) {
		return s.secondPage(v, http.StatusUnprocessableEntity, o, secondBody{Fault: "second.failed", Failed: true})
	}
	if err != nil {
		return err
	}
	s.sessions.Remove(ctx, keySecret)
	return s.added(v, o, recovery, "password and code")
}

// added tells that a factor was added, lets in who had to, and shows recovery codes this once.
func (s *Server) added(v *visit, o owner, recovery []string, how string) error {
	if o.must {
		if err := s.makeStaff(v, o.account, how, ""); err != nil {
			return err
		}
		v.who, v.name, v.in = vault.Staff(o.account.Address), o.account.Name, true
	}
	s.sessions.Put(v.r.Context(), keyProved, s.now().Unix())
	if recovery == nil {
		return v.redirect("/staff/second")
	}
	return s.render(v, http.StatusOK, "second", v.lang.text("second.title"), secondBody{Done: true, Codes: recovery, To: o.to})
}

// changer is who may change a second factor that there is; ok is false if they must show it first.
func (s *Server) changer(v *visit) (o owner, ok bool, err error) {
	if err := s.smallForm(v); err != nil {
		return o, false, err
	}
	if o, err = s.secondOwner(v); err != nil {
		return o, false, err
	}
	if o.must {
		return o, false, errNoPage
	}
	return o, o.fresh, nil
}

// removeFactor takes a passkey or the app away, as long as something is left.
func (s *Server) removeFactor(v *visit) error {
	o, ok, err := s.changer(v)
	if err != nil {
		return err
	}
	if !ok {
		return v.redirect("/staff/code")
	}
	directory, id := s.config.Vault.Directory(), v.r.PostForm.Get("id")
	if id == "app" {
		err = directory.RemoveTOTP(v.r.Context(), o.account.Address)
	} else {
		err = directory.RemovePasskey(v.r.Context(), o.account.Address, id)
	}
	if errors.Is(err, vault.ErrLastFactor) {
		return s.secondPage(v, http.StatusConflict, o, secondBody{Fault: "second.last"})
	}
	if err != nil && !errors.Is(err, vault.ErrNotFound) { // gone already is what was wanted
		return err
	}
	return v.redirect("/staff/second")
}

// newRecovery shows new recovery codes this once.
func (s *Server) newRecovery(v *visit) error {
	o, ok, err := s.changer(v)
	if err != nil {
		return err
	}
	if !ok {
		return v.redirect("/staff/code")
	}
	codes, err := s.config.Vault.Directory().NewRecovery(v.r.Context(), o.account.Address)
	if errors.Is(err, vault.ErrNotFound) {
		return v.redirect("/staff/second")
	}
	if err != nil {
		return err
	}
	return s.render(v, http.StatusOK, "second", v.lang.text("second.title"), secondBody{Codes: codes, To: o.to})
}
