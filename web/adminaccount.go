package web

import (
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"

	"sigill/policy"
	"sigill/vault"
)

// accountsShown is how many accounts one page lists.
const accountsShown = 100

type accountsBody struct {
	adminBody
	Shown         []vault.Account
	All           int // that fit the words
	Words         string
	First         int // the first one shown, from 0
	Next          int // the first one of the next page; 0 if there is none
	Address, Name string
}

// accounts lists them, or those whose address or name has what is looked for. Addresses of staff are no secret, so it may
// stand in the page's own.
func (s *Server) accounts(v *visit, a *vault.Administration) error {
	q := v.r.URL.Query()
	at, _ := strconv.Atoi(q.Get("at"))
	return s.accountsPage(v, a, accountsBody{adminBody: v.part("accounts"), Words: tidy(q.Get("words")), First: max(at, 0)})
}

func (s *Server) accountsPage(v *visit, a *vault.Administration, b accountsBody) error {
	all, err := a.Accounts(v.r.Context())
	if err != nil {
		return err
	}
	words := strings.ToLower(b.Words)
	all = slices.DeleteFunc(all, func(x vault.Account) bool {
		return !strings.Contains(x.Address.Key(), words) && !strings.Contains(strings.ToLower(x.Name), words)
	})
	b.All, b.First = len(all), min(b.First, len(all))
	b.Shown = all[b.First:min(b.First+accountsShown, len(all))]
	if end := b.First + accountsShown; end < len(all) {
		b.Next = end
	}
	return s.adminPage(v, "adminaccounts", v.lang.text("admin.nav.accounts"), b.adminBody, b)
}

func (s *Server) addAccount(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	b := accountsBody{Address: v.r.PostForm.Get("address"), Name: tidy(v.r.PostForm.Get("name"))}
	wrong := func(fault, at string) error {
		b.adminBody = v.faulty("accounts", fault, at)
		return s.accountsPage(v, a, b)
	}
	address, fault := s.ownDomain(b.Address)
	switch {
	case fault != "":
		return wrong(fault, "address")
	case b.Name == "":
		return wrong("admin.error.name", "name")
	}
	password := newPassword()
	err := a.AddAccount(v.r.Context(), vault.Account{Address: address, Name: b.Name}, password)
	if errors.Is(err, vault.ErrExists) {
		return wrong("admin.error.exists", "address")
	}
	if err != nil {
		return err
	}
	if !s.passwordsHere() {
		return v.done(adminPath("accounts", address), "added")
	}
	return s.accountPage(v, a, address, accountBody{adminBody: adminBody{Part: "accounts", Done: "admin.done.added"}, Made: password})
}

// newPassword is one that a person copies once, 128 random bits.
func newPassword() string {
	return strings.ReplaceAll(inGroups(strings.ToLower(rand.Text()), 5), " ", "-")
}

// passwordsHere tells that passwords set here open something.
func (s *Server) passwordsHere() bool {
	return !s.config.Staff.NoPasswords && !s.config.Vault.Directory().PasswordsElsewhere()
}

type accountBody struct {
	adminBody
	vault.AccountState
	Path      string
	Open      int    // logins on the web
	Passwords bool   // they are set here
	Made      string // a password that was just made; this page alone shows it
}

func (s *Server) account(v *visit, a *vault.Administration) error {
	address, err := v.staffAddress()
	if err != nil {
		return err
	}
	return s.accountPage(v, a, address, accountBody{adminBody: v.part("accounts")})
}

func (s *Server) accountPage(v *visit, a *vault.Administration, address policy.Address, b accountBody) (err error) {
	if b.AccountState, err = a.Account(v.r.Context(), address); err != nil {
		return err
	}
	b.Path, b.Passwords = adminPath("accounts", address), s.passwordsHere()
	b.Open = len(s.store.of(vault.Staff(b.Address), ""))
	return s.adminPage(v, "adminaccount", b.Address.String(), b.adminBody, b)
}

// revokeAccountDevice ends a device password; one that is gone already is what was wanted.
func (s *Server) revokeAccountDevice(v *visit, a *vault.Administration) error {
	address, err := s.addressForm(v)
	if err != nil {
		return err
	}
	if err := a.RevokeDevice(v.r.Context(), address, v.r.PostForm.Get("id")); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return v.done(adminPath("accounts", address), "device")
}

// endAccountLogins ends all logins of an account on the web, once the audit has it.
func (s *Server) endAccountLogins(v *visit, a *vault.Administration) error {
	address, err := s.addressForm(v)
	if err != nil {
		return err
	}
	state, err := a.Account(v.r.Context(), address)
	if err != nil {
		return err
	}
	if err := a.Note(v.r.Context(), "end logins", address.Key()); err != nil {
		return err
	}
	s.EndLogins(state.Address)
	return v.done(adminPath("accounts", address), "logins")
}

// accountChanges are what is asked about before it is done. They are not offered for accounts with a role: see
// [vault.ErrRoleHolder].
var accountChanges = map[string]struct {
	title  string
	points []string
}{
	"password": {"admin.password.title", []string{"admin.password.new", "admin.password.logins", "admin.password.who"}},
	"second":   {"admin.second.title", []string{"admin.second.gone", "admin.second.logins", "admin.second.who"}},
	"remove":   {"admin.accounts.remove", []string{"admin.remove.login", "admin.remove.kept", "admin.remove.again"}},
}

// accountForm is the address of a form on an account's page, which leads to the page.
func (s *Server) accountForm(v *visit, _ *vault.Administration) error {
	address, err := v.staffAddress()
	if err != nil {
		return err
	}
	return v.redirect(adminPath("accounts", address))
}

func (s *Server) changeAccountPage(v *visit, a *vault.Administration) error {
	address, err := v.staffAddress()
	if err != nil {
		return err
	}
	change, ok := accountChanges[v.r.PathValue("change")]
	state, err := a.Account(v.r.Context(), address)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNoPage
	case state.Roles != 0:
		return vault.ErrRoleHolder
	}
	path, title := adminPath("accounts", address), v.lang.text(change.title)
	return s.sure(v, title, sureBody{
		adminBody: adminBody{Part: "accounts"}, Lead: state.Name + " – " + state.Address.String(), Points: v.lang.sentences(change.points...),
		Action: path + "/" + v.r.PathValue("change"), Back: path, Button: title,
	})
}

// changeAccount also ends the account's logins: whoever had got hold of one has it no more.
func (s *Server) changeAccount(v *visit, a *vault.Administration) error {
	address, err := s.addressForm(v)
	if err != nil {
		return err
	}
	state, err := a.Account(v.r.Context(), address)
	if err != nil {
		return err
	}
	var made, to, done string
	switch v.r.PathValue("change") {
	case "password":
		if !s.passwordsHere() {
			return errNoPage
		}
		made = newPassword()
		err = a.SetPassword(v.r.Context(), address, made)
	case "second":
		to, done = adminPath("accounts", address), "second"
		err = a.RemoveSecond(v.r.Context(), address)
	case "remove":
		to, done = "/admin/accounts", "removed"
		err = a.RemoveAccount(v.r.Context(), address)
	default:
		return errNoPage
	}
	if errors.Is(err, vault.ErrWaiting) {
		return s.accountPage(v, a, address, accountBody{adminBody: v.faulty("accounts", "admin.error.waiting", "remove")})
	}
	if err != nil {
		return err
	}
	s.EndLogins(state.Address)
	if made != "" {
		return s.accountPage(v, a, address, accountBody{adminBody: adminBody{Part: "accounts"}, Made: made})
	}
	return v.done(to, done)
}
