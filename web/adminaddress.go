package web

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault"
)

// maxName is the longest name of an account or function address, in characters.
const maxName = 100

type addressesBody struct {
	adminBody
	All           []vault.FunctionAddress
	Address, Name string // as they were typed
	Members       string
}

func (s *Server) addresses(v *visit, a *vault.Administration) error {
	return s.addressesPage(v, a, addressesBody{adminBody: v.part("addresses")})
}

func (s *Server) addressesPage(v *visit, a *vault.Administration, b addressesBody) (err error) {
	if b.All, err = a.FunctionAddresses(v.r.Context()); err != nil {
		return err
	}
	return s.adminPage(v, "adminaddresses", v.lang.text("admin.nav.addresses"), b.adminBody, b)
}

func (s *Server) addAddress(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	b := addressesBody{Address: v.r.PostForm.Get("address"), Name: tidy(v.r.PostForm.Get("name")), Members: v.r.PostForm.Get("members")}
	wrong := func(fault, at string) error {
		b.adminBody = v.faulty("addresses", fault, at)
		return s.addressesPage(v, a, b)
	}
	address, fault := s.ownDomain(b.Address)
	if fault != "" {
		return wrong(fault, "address")
	}
	if b.Name == "" {
		return wrong("admin.error.name", "name")
	}
	members, err := parseAddresses(b.Members)
	if err != nil {
		return wrong("admin.error.address", "members")
	}
	err = a.AddFunctionAddress(v.r.Context(), vault.FunctionAddress{Address: address, Name: b.Name, Members: members})
	switch {
	case errors.Is(err, vault.ErrExists):
		return wrong("admin.error.exists", "address")
	case errors.Is(err, vault.ErrNotFound):
		return wrong("admin.error.member", "members")
	case errors.Is(err, vault.ErrOwnAccess):
		return wrong("admin.error.self", "members")
	case err != nil:
		return err
	}
	return v.done(adminPath("addresses", address), "added")
}

// tidy is a name on one line, not longer than it may be.
func tidy(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	return string(r[:min(len(r), maxName)])
}

// parseAddresses reads addresses with blanks, commas or semicolons between them.
func parseAddresses(text string) (out []policy.Address, err error) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) }) {
		a, err := policy.ParseAddress(word)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

type addressBody struct {
	adminBody
	vault.FunctionAddress
	Path    string
	Rule    vault.RuleOf
	Classes []vault.Rule
	Typed   string // members to be, as they were typed
}

func (s *Server) address(v *visit, a *vault.Administration) error {
	return s.addressPage(v, a, addressBody{adminBody: v.part("addresses")})
}

func (s *Server) addressPage(v *visit, a *vault.Administration, b addressBody) error {
	address, err := v.staffAddress()
	if err != nil {
		return err
	}
	if b.FunctionAddress, err = a.FunctionAddress(v.r.Context(), address); err != nil {
		return err
	}
	if b.Rule, err = a.RuleOf(v.r.Context(), address); err != nil {
		return err
	}
	b.Classes, b.Path = a.Retention().Classes, adminPath("addresses", address)
	return s.adminPage(v, "adminaddress", b.Address.String(), b.adminBody, b)
}

func (s *Server) nameAddress(v *visit, a *vault.Administration) error {
	address, err := s.addressForm(v)
	if err != nil {
		return err
	}
	name := tidy(v.r.PostForm.Get("name"))
	if name == "" {
		return s.addressPage(v, a, addressBody{adminBody: v.faulty("addresses", "admin.error.name", "name")})
	}
	if err := a.NameFunctionAddress(v.r.Context(), address, name); err != nil {
		return err
	}
	return v.done(adminPath("addresses", address), "named")
}

// addressForm reads a small form about the address in the page's own.
func (s *Server) addressForm(v *visit) (policy.Address, error) {
	if err := v.form(); err != nil {
		return policy.Address{}, err
	}
	return v.staffAddress()
}

// changeMembers lets some in, or takes one out.
func (s *Server) changeMembers(v *visit, a *vault.Administration) error {
	address, err := s.addressForm(v)
	if err != nil {
		return err
	}
	typed := v.r.PostForm.Get("members")
	wrong := func(fault string) error {
		return s.addressPage(v, a, addressBody{adminBody: v.faulty("addresses", fault, "members"), Typed: typed})
	}
	in, err := parseAddresses(typed)
	if err != nil {
		return wrong("admin.error.address")
	}
	out, err := parseAddresses(v.r.PostForm.Get("out"))
	if err != nil || len(in)+len(out) == 0 {
		return wrong("admin.error.address")
	}
	err = a.ChangeMembers(v.r.Context(), address, in, out)
	switch {
	case errors.Is(err, vault.ErrOwnAccess):
		return wrong("admin.error.self")
	case errors.Is(err, vault.ErrNotFound) && len(in) > 0:
		return wrong("admin.error.member")
	case err != nil && !errors.Is(err, vault.ErrNotFound): // who is no member any more is what was wanted
		return err
	}
	return v.done(adminPath("addresses", address), "members")
}

// setClass gives the address a retention class. It asks first: what the class disposes of is gone for good.
func (s *Server) setClass(v *visit, a *vault.Administration) error {
	address, err := s.addressForm(v)
	if err != nil {
		return err
	}
	class, path := v.r.PostForm.Get("class"), adminPath("addresses", address)
	if v.r.PostForm.Get("sure") != "1" {
		return s.askClass(v, a, path, class)
	}
	err = a.SetClass(v.r.Context(), address, class)
	if errors.Is(err, vault.ErrNoClass) || errors.Is(err, vault.ErrFixedRule) {
		return errOldForm
	}
	if err != nil {
		return err
	}
	return v.done(path, "class")
}

func (s *Server) askClass(v *visit, a *vault.Administration, path, class string) error {
	rule, name := a.Retention().Default, v.lang.text("admin.class.default")
	if class != "" {
		at := slices.IndexFunc(a.Retention().Classes, func(r vault.Rule) bool { return r.Name == class })
		if at < 0 {
			return errOldForm
		}
		rule, name = a.Retention().Classes[at], class
	}
	return s.sure(v, v.lang.text("admin.class.title"), sureBody{
		adminBody: adminBody{Part: "addresses"}, Lead: name + ": " + v.lang.rule(rule),
		Points: v.lang.sentences("admin.class.all", "admin.class.round", "admin.class.hold"),
		Action: path + "/class", Fields: []hidden{{"class", class}, {"sure", "1"}}, Back: path, Button: v.lang.text("admin.class.button"),
	})
}

// rule says in words how long one keeps messages.
func (c *catalogue) rule(r vault.Rule) string {
	text := c.text("admin.rule.ever")
	switch {
	case r.AfterDeposit > 0:
		text = c.text("admin.rule.deposit", r.AfterDeposit)
	case r.AfterFirstRead > 0:
		text = c.text("admin.rule.read", r.AfterFirstRead)
	case r.AfterLastActivity > 0:
		text = c.text("admin.rule.activity", r.AfterLastActivity)
	}
	if r.Warn > 0 {
		text += " " + c.text("admin.rule.warn", r.Warn)
	}
	return text
}

func (s *Server) removeAddressPage(v *visit, a *vault.Administration) error {
	address, err := v.staffAddress()
	if err != nil {
		return err
	}
	f, err := a.FunctionAddress(v.r.Context(), address)
	if err != nil {
		return err
	}
	path := adminPath("addresses", address)
	return s.sure(v, v.lang.text("admin.addresses.remove"), sureBody{
		adminBody: adminBody{Part: "addresses"}, Lead: fmt.Sprintf("%s – %s", f.Name, f.Address),
		Points: v.lang.sentences("admin.remove.access", "admin.remove.kept", "admin.remove.again"),
		Action: path + "/remove", Back: path, Button: v.lang.text("admin.addresses.remove"),
	})
}

func (s *Server) removeAddress(v *visit, a *vault.Administration) error {
	address, err := s.addressForm(v)
	if err != nil {
		return err
	}
	err = a.RemoveFunctionAddress(v.r.Context(), address)
	if errors.Is(err, vault.ErrWaiting) {
		return s.addressPage(v, a, addressBody{adminBody: v.faulty("addresses", "admin.error.waiting", "remove")})
	}
	if err != nil {
		return err
	}
	return v.done("/admin/addresses", "removed")
}

// sentences are texts one after the other.
func (c *catalogue) sentences(keys ...string) (out []string) {
	for _, key := range keys {
		out = append(out, c.text(key))
	}
	return out
}
