package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// The administration's pages, for accounts with a role. What each may do is the vault's to say, at each request
// ([vault.Administration]); here it only decides what is offered. To anybody else there are no such pages.

// Administering is what the administration's pages cannot know by themselves.
type Administering struct {
	// Domains are the organisation's own, in lower case: those of accounts and function addresses.
	Domains []string
	// Notices shows what notices say; nil shows none.
	Notices Notices
	// Relays tells how the upstream relays are; nil tells nothing.
	Relays func() []Relay
	// Version of the program.
	Version string
}

// adminTime is how long after a login the pages can be used. Then one logs in again: what is done there counts for many.
const adminTime = time.Hour

// adminPages are the parts of the administration, in the order of the menu, with the roles that are offered them.
var adminPages = []struct {
	Name  string
	Roles vault.StaffRoles
}{
	{"addresses", vault.Administrator},
	{"accounts", vault.Administrator},
	{"bindings", vault.Administrator},
	{"retention", vault.Administrator | vault.Auditor},
	{"notices", vault.Administrator | vault.Auditor},
	{"audit", vault.Administrator | vault.Auditor},
	{"health", vault.Administrator | vault.Auditor},
}

func (s *Server) adminRoutes(m *http.ServeMux) {
	m.HandleFunc("GET /admin", s.admin(s.adminStart))
	m.HandleFunc("GET /admin/addresses", s.admin(s.addresses))
	m.HandleFunc("POST /admin/addresses", s.admin(s.addAddress))
	m.HandleFunc("GET /admin/addresses/{address}", s.admin(s.address))
	m.HandleFunc("POST /admin/addresses/{address}/name", s.admin(s.nameAddress))
	m.HandleFunc("POST /admin/addresses/{address}/members", s.admin(s.changeMembers))
	m.HandleFunc("POST /admin/addresses/{address}/class", s.admin(s.setClass))
	m.HandleFunc("GET /admin/addresses/{address}/remove", s.admin(s.removeAddressPage))
	m.HandleFunc("POST /admin/addresses/{address}/remove", s.admin(s.removeAddress))
	m.HandleFunc("GET /admin/accounts", s.admin(s.accounts))
	m.HandleFunc("POST /admin/accounts", s.admin(s.addAccount))
	m.HandleFunc("GET /admin/accounts/{address}", s.admin(s.account))
	m.HandleFunc("POST /admin/accounts/{address}/devices", s.admin(s.revokeAccountDevice))
	m.HandleFunc("POST /admin/accounts/{address}/logins", s.admin(s.endAccountLogins))
	m.HandleFunc("GET /admin/accounts/{address}/devices", s.admin(s.accountForm))
	m.HandleFunc("GET /admin/accounts/{address}/logins", s.admin(s.accountForm))
	m.HandleFunc("GET /admin/accounts/{address}/{change}", s.admin(s.changeAccountPage))
	m.HandleFunc("POST /admin/accounts/{address}/{change}", s.admin(s.changeAccount))
	m.HandleFunc("GET /admin/bindings", s.admin(s.bindings))
	m.HandleFunc("POST /admin/bindings", s.admin(s.findBinding))
	m.HandleFunc("POST /admin/bindings/revoke", s.admin(s.revokeBinding))
	m.HandleFunc("POST /admin/bindings/quiet", s.admin(s.quiet))
	m.HandleFunc("GET /admin/retention", s.admin(s.retention))
	m.HandleFunc("POST /admin/retention/holds", s.admin(s.placeHold))
	m.HandleFunc("GET /admin/retention/holds/{id}", s.admin(s.liftHoldPage))
	m.HandleFunc("POST /admin/retention/holds/{id}", s.admin(s.liftHold))
	m.HandleFunc("GET /admin/notices", s.admin(s.notices))
	m.HandleFunc("GET /admin/notices/{kind}", s.admin(s.notice))
	m.HandleFunc("GET /admin/notices/{kind}/html", s.admin(s.noticeHTML))
	m.HandleFunc("GET /admin/audit", s.admin(s.auditForm))
	m.HandleFunc("POST /admin/audit", s.admin(s.searchAudit))
	m.HandleFunc("GET /admin/audit/{id}", s.admin(s.foundEvents))
	m.HandleFunc("POST /admin/audit/{id}/ask", s.admin(s.askSecond))
	m.HandleFunc("POST /admin/audit/{id}/answer", s.admin(s.answerSearch))
	m.HandleFunc("GET /admin/health", s.admin(s.health))
}

// admin lets those in who have a role, and of whom a login is not long ago.
func (s *Server) admin(h func(v *visit, a *vault.Administration) error) http.HandlerFunc {
	return s.staff(func(v *visit) error {
		a, err := s.config.Vault.AdministrationBy(v.r.Context(), v.who.Address())
		if err == nil && !s.partIsFor(v) {
			return errNoPage
		}
		if err == nil && !s.freshlyIn(v) {
			return s.loginAgain(v)
		}
		if err == nil {
			err = h(v, a)
		}
		if errors.Is(err, vault.ErrNoRole) || errors.Is(err, vault.ErrNotFound) {
			return errNoPage
		}
		return err
	})
}

// partIsFor tells whether the part of the administration that the page is in is for the visitor.
func (s *Server) partIsFor(v *visit) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(v.r.URL.Path, "/admin/"), "/")
	for _, part := range adminPages {
		if part.Name == name {
			return s.roles(v).Has(part.Roles)
		}
	}
	return true
}

func (s *Server) freshlyIn(v *visit) bool {
	return s.now().Sub(time.Unix(s.sessions.GetInt64(v.r.Context(), keyAt), 0)) <= adminTime
}

// loginAgain leads to the login, and back to the page; what a form had in it must be filled in anew.
func (s *Server) loginAgain(v *visit) error {
	return v.redirect("/staff/login?" + url.Values{"again": {"1"}, "to": {ourPath(s.pageOf(v.r))}}.Encode())
}

// roles are those of the visitor.
func (s *Server) roles(v *visit) vault.StaffRoles {
	if !v.in || v.who.IsPerson() {
		return 0
	}
	account, err := s.config.Vault.Directory().Account(v.r.Context(), v.who.Address())
	if err != nil {
		return 0 // then there is no such account any more, or the page itself tells what is wrong
	}
	return account.Roles
}

// adminBody begins the body of each of these pages.
type adminBody struct {
	// Part is the part of the administration the page is in; "" is its start.
	Part string
	// Done is the key of a sentence on what was just done.
	Done string
	// Fault is the key of what is wrong with a form, At the id of the field.
	Fault, At string
}

// part begins a page's body, with what the address says was done.
func (v *visit) part(name string) adminBody {
	b := adminBody{Part: name}
	if key := "admin.done." + v.r.URL.Query().Get("done"); languages[0].texts[key] != "" {
		b.Done = key
	}
	return b
}

// faulty begins the body of a form with a fault.
func (v *visit) faulty(part, fault, at string) adminBody {
	return adminBody{Part: part, Fault: fault, At: at}
}

// adminPage answers with one of these pages.
func (s *Server) adminPage(v *visit, name, title string, b adminBody, body any) error {
	status := http.StatusOK
	if b.Fault != "" {
		status, title = http.StatusUnprocessableEntity, v.lang.text("frame.error", title)
	}
	return s.render(v, status, name, title, body)
}

// done leads on to a page that tells what was done.
func (v *visit) done(to, what string) error { return v.redirect(to + "?done=" + what) }

func (s *Server) adminStart(v *visit, _ *vault.Administration) error {
	b := v.part("")
	return s.adminPage(v, "admin", v.lang.text("admin.title"), b, struct{ adminBody }{b})
}

// adminPart is a line of the administration's menu.
type adminPart struct {
	Name    string
	Current bool
}

// AdminParts are the parts of the administration that the visitor is offered.
func (p page) AdminParts(current string) (out []adminPart) {
	for _, part := range adminPages {
		if p.Roles.Has(part.Roles) {
			out = append(out, adminPart{part.Name, part.Name == current})
		}
	}
	return out
}

// RolesOf is the page for the part of it that names roles.
func (p page) RolesOf(r vault.StaffRoles) page {
	var names []string
	if r.Has(vault.Administrator) {
		names = append(names, "admin.role.administrator")
	}
	if r.Has(vault.Auditor) {
		names = append(names, "admin.role.auditor")
	}
	p.Body = names
	return p
}

// Rule is how long messages are kept by a rule.
func (p page) Rule(r vault.Rule) string { return p.rule(r) }

// sureBody asks before something is done that cannot be undone.
type sureBody struct {
	adminBody
	Lead   string
	Points []string
	Action string   // where the form goes
	Fields []hidden // what goes with it
	Back   string   // where one goes who is not sure
	Button string   // what is done
}

type hidden struct{ Name, Value string }

func (s *Server) sure(v *visit, title string, b sureBody) error {
	return s.adminPage(v, "adminsure", title, b.adminBody, b)
}

// staffAddress is the address in the page's own; errNoPage if it is none.
func (v *visit) staffAddress() (policy.Address, error) {
	a, err := policy.ParseAddress(v.r.PathValue("address"))
	if err != nil {
		return a, errNoPage
	}
	return a, nil
}

// ownDomain reads the address of an account or function address to be, which is in a domain of the organisation.
func (s *Server) ownDomain(text string) (a policy.Address, fault string) {
	a, err := policy.ParseAddress(text)
	switch {
	case err != nil:
		return a, "admin.error.address"
	case !slices.Contains(s.config.Admin.Domains, a.Domain):
		return a, "admin.error.domain"
	}
	return a, ""
}

// adminPath is the page of an account or function address.
func adminPath(part string, a policy.Address) string {
	return "/admin/" + part + "/" + url.PathEscape(a.Key())
}

// Notices composes notices as they go out, with nothing in them of a message.
type Notices interface {
	// Kinds are the kinds there are, in the order of a list.
	Kinds() []string
	// Brands are the domains whose messages have notices of their own.
	Brands() []string
	// Preview gives one, of a brand or with "" the organisation's.
	Preview(kind, brand string) (Notice, error)
}

// Notice is what a recipient gets.
type Notice struct{ Subject, Text, HTML string }

// Relay is an upstream relay as the pages tell of it.
type Relay struct {
	Address string
	// Reached is when it last took a connection, Failed when it last could not be reached; zero if never since the start.
	Reached, Failed time.Time
}
