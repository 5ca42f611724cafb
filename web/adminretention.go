package web

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault"
)

// disposalsShown is how many lines of the disposal log the page has.
const disposalsShown = 20

type retentionBody struct {
	adminBody
	Plan vault.Retention
	// Fixed are the rules that the configuration has for addresses, Given the classes that addresses were given.
	Fixed []addressRule
	Given []vault.RuleOf
	// Report is what a round of disposal would do now; nil if nobody asked.
	Report    *vault.DisposalReport
	Disposals []vault.Disposal
	Holds     []vault.LegalHold
	Of        string // of a hold to be, as it was typed
	Reason    string
}

type addressRule struct {
	Address string
	Rule    vault.Rule
}

func (s *Server) retention(v *visit, a *vault.Administration) error {
	b := retentionBody{adminBody: v.part("retention")}
	if v.r.URL.Query().Get("view") == "due" {
		report, err := a.PreviewDisposal(v.r.Context())
		if err != nil {
			return err
		}
		b.Report = &report
	}
	return s.retentionPage(v, a, b)
}

func (s *Server) retentionPage(v *visit, a *vault.Administration, b retentionBody) (err error) {
	b.Plan = a.Retention()
	for address, rule := range b.Plan.Functions {
		b.Fixed = append(b.Fixed, addressRule{address, rule})
	}
	slices.SortFunc(b.Fixed, func(x, y addressRule) int { return strings.Compare(x.Address, y.Address) })
	if b.Given, err = givenClasses(v, a); err != nil {
		return err
	}
	if b.Disposals, err = a.Disposals(v.r.Context(), disposalsShown); err != nil {
		return err
	}
	if b.Holds, err = a.LegalHolds().List(v.r.Context()); err != nil {
		return err
	}
	slices.SortFunc(b.Holds, func(x, y vault.LegalHold) int {
		return cmp.Or(y.At.Compare(x.At), strings.Compare(x.ID.String(), y.ID.String()))
	})
	return s.adminPage(v, "adminretention", v.lang.text("admin.nav.retention"), b.adminBody, b)
}

// givenClasses are the rules of function addresses that have a class.
func givenClasses(v *visit, a *vault.Administration) (out []vault.RuleOf, err error) {
	all, err := a.FunctionAddresses(v.r.Context())
	for _, f := range all {
		rule, err := a.RuleOf(v.r.Context(), f.Address)
		if err != nil {
			return nil, err
		}
		if rule.Class != "" {
			out = append(out, rule)
		}
	}
	return out, err
}

// placeHold keeps a message, or all of an address or a person, from disposal. Which of the three it is shows by itself.
func (s *Server) placeHold(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	b := retentionBody{Of: strings.TrimSpace(v.r.PostForm.Get("of")), Reason: tidy(v.r.PostForm.Get("reason"))}
	wrong := func(fault, at string) error {
		b.adminBody = v.faulty("retention", fault, at)
		return s.retentionPage(v, a, b)
	}
	hold, ok := s.holdOf(b.Of)
	switch hold.Reason = b.Reason; {
	case !ok:
		return wrong("admin.error.hold", "of")
	case b.Reason == "":
		return wrong("admin.error.reason", "reason")
	}
	_, err := a.LegalHolds().Place(v.r.Context(), hold)
	if errors.Is(err, vault.ErrNotFound) {
		return wrong("admin.error.hold", "of")
	}
	if err != nil {
		return err
	}
	return v.done("/admin/retention", "held")
}

// holdOf is a hold of what was typed: a message's id, an address or an identity number.
func (s *Server) holdOf(text string) (h vault.LegalHold, ok bool) {
	var err error
	if h.Message, err = vault.ParseMessageID(text); err == nil {
		return h, true
	}
	if h.Address, err = policy.ParseAddress(text); err == nil {
		return h, true
	}
	h.Person, err = s.config.Rules.ParsePerson(text, s.now())
	return h, err == nil
}

func (s *Server) liftHoldPage(v *visit, a *vault.Administration) error {
	id := v.r.PathValue("id")
	all, err := a.LegalHolds().List(v.r.Context())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(h vault.LegalHold) bool { return h.ID.String() == id })
	if at < 0 {
		return errNoPage
	}
	title := v.lang.text("admin.hold.lift")
	return s.sure(v, title, sureBody{
		adminBody: adminBody{Part: "retention"}, Lead: all[at].Reason, Points: v.lang.sentences("admin.hold.goes", "admin.hold.others"),
		Action: "/admin/retention/holds/" + id, Back: "/admin/retention", Button: title,
	})
}

func (s *Server) liftHold(v *visit, a *vault.Administration) error {
	id, err := vault.ParseHoldID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := a.LegalHolds().Lift(v.r.Context(), id, policy.Address{}); err != nil {
		return err
	}
	return v.done("/admin/retention", "lifted")
}
