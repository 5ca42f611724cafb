package web

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// eventsShown is how many events one page of a search has.
const eventsShown = 50

type auditBody struct {
	adminBody
	Own     []ownSearch
	Waiting []vault.AuditSearch
	Actions []string
	// As they were typed.
	Since, Till, Who, Message, Action, Reason string
}

// ownSearch is a search with what has become of asking for a second person.
type ownSearch struct {
	vault.AuditSearch
	State string // "waits", "open", "refused" or "past"
}

func (s *Server) stateOf(search vault.AuditSearch) string {
	switch {
	case search.Asked.IsZero():
		return ""
	case search.Answered.IsZero():
		return "waits"
	case !search.Approved:
		return "refused"
	case search.Open(s.now()):
		return "open"
	}
	return "past"
}

// auditActions are offered in the form; the audit has others too.
var auditActions = []string{
	"read", "seal", "hold", "complete", "reply", "recall", "export", "delete", "dispose", "login", "logout", "bind", "revoke binding",
	"add account", "remove account", "set password", "set roles", "add function address", "change members", "remove function address",
	"quiet", "notify", "legal hold", "lift legal hold", "search texts", "search audit", "approve search", "backup", "verify", "maintain",
}

func (s *Server) auditForm(v *visit, a *vault.Administration) error {
	return s.auditPage(v, a, auditBody{adminBody: v.part("audit")})
}

func (s *Server) auditPage(v *visit, a *vault.Administration, b auditBody) error {
	own, waiting, err := a.Searches(v.r.Context())
	if err != nil {
		return err
	}
	for _, search := range own {
		b.Own = append(b.Own, ownSearch{search, s.stateOf(search)})
	}
	b.Waiting = waiting
	b.Actions = auditActions
	return s.adminPage(v, "adminaudit", v.lang.text("admin.nav.audit"), b.adminBody, b)
}

// searchAudit begins a search. What it is about and why is kept with it, and not in the page's address.
func (s *Server) searchAudit(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	f := v.r.PostForm
	b := auditBody{
		Since: f.Get("since"), Till: f.Get("till"), Who: strings.TrimSpace(f.Get("who")), Message: strings.TrimSpace(f.Get("message")),
		Action: f.Get("action"), Reason: f.Get("reason"),
	}
	q, fault, at := s.auditQuery(b)
	if fault == "" {
		id, err := a.SearchAudit(v.r.Context(), q, b.Reason)
		if err == nil {
			return v.redirect("/admin/audit/" + id.String())
		}
		if !errors.Is(err, vault.ErrReason) {
			return err
		}
		fault, at = "admin.error.why", "reason"
	}
	b.adminBody = v.faulty("audit", fault, at)
	return s.auditPage(v, a, b)
}

// auditQuery reads what is asked for, and tells the field that is wrong.
func (s *Server) auditQuery(b auditBody) (q vault.AuditQuery, fault, at string) {
	var wrong bool
	if q.From, wrong = dayOf(b.Since); wrong {
		return q, "search.error.day", "since"
	}
	if q.Until, wrong = dayOf(b.Till); wrong {
		return q, "search.error.day", "till"
	}
	if !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1)
	}
	var err error
	if b.Message != "" {
		if q.Message, err = vault.ParseMessageID(b.Message); err != nil {
			return q, "admin.error.message", "message"
		}
	}
	if b.Action != "" && !slices.Contains(auditActions, b.Action) {
		return q, "admin.error.action", "action"
	}
	q.Action = b.Action
	if q.Who, err = s.auditWho(b.Who); err != nil {
		return q, "admin.error.who", "who"
	}
	return q, "", ""
}

// auditWho is how the audit names an address, a person by number, or whoever ran a command ("os:root", "system").
func (s *Server) auditWho(text string) (string, error) {
	log := s.config.Vault.Audit()
	if text == "" || text == "system" || strings.HasPrefix(text, "os:") || strings.HasPrefix(text, "person:") {
		return text, nil
	}
	if a, err := policy.ParseAddress(text); err == nil {
		return log.Actor(vault.Staff(a)), nil
	}
	person, err := s.config.Rules.ParsePerson(text, s.now())
	return log.Actor(vault.Person(person)), err
}

type foundBody struct {
	adminBody
	Search vault.AuditSearch
	vault.Found
	First bool
	State string // as that of ownSearch
}

func (s *Server) foundEvents(v *visit, a *vault.Administration) error {
	id, err := vault.ParseSearchID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	b := foundBody{adminBody: v.part("audit")}
	if b.Search, err = a.Search(v.r.Context(), id); err != nil {
		return err
	}
	before, _ := strconv.ParseUint(v.r.URL.Query().Get("before"), 10, 64)
	if b.Found, err = a.Find(v.r.Context(), id, before, eventsShown); err != nil {
		return err
	}
	b.First, b.State = before == 0, s.stateOf(b.Search)
	return s.adminPage(v, "adminfound", v.lang.text("admin.found.title"), b.adminBody, b)
}

func (s *Server) askSecond(v *visit, a *vault.Administration) error {
	id, err := vault.ParseSearchID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := a.AskSecond(v.r.Context(), id); err != nil {
		return err
	}
	return v.done("/admin/audit/"+id.String(), "asked")
}

// answerSearch is the second person's word.
func (s *Server) answerSearch(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	id, err := vault.ParseSearchID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	answer, done := v.r.PostForm.Get("answer"), "refused"
	switch answer {
	case "approve":
		done = "approved"
	case "refuse":
	default:
		return errBadForm
	}
	err = a.AnswerSearch(v.r.Context(), id, answer == "approve")
	if errors.Is(err, vault.ErrNotFound) {
		return errOldForm // somebody else has answered
	}
	if err != nil {
		return err
	}
	return v.done("/admin/audit", done)
}

// Action is an event of the audit in words. The names it has in the audit itself are what commands show and filters take.
func (p page) Action(name string) string {
	if kind, ok := strings.CutPrefix(name, "notice "); ok {
		return p.wordOr("admin.kind."+kind, name)
	}
	return p.wordOr("audit."+name, name)
}

// Result is how an event ended, in words.
func (p page) Result(name string) string { return p.wordOr("audit.result."+name, name) }

// wordOr is a text if there is one, such as not for the code of a bounce.
func (p page) wordOr(key, otherwise string) string {
	if word := p.text(key); word != key {
		return word
	}
	return otherwise
}

// Until is a search's last day: its end is the beginning of the next.
func (p page) Until(t time.Time) string { return p.day(t.Add(-time.Second)) }

// QueryOf is the page for the part of it that tells what a search is about.
func (p page) QueryOf(search vault.AuditSearch) page {
	p.Body = search
	return p
}
