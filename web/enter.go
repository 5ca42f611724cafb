package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"sigill/vault"
	"sigill/web/login"
)

// maxForm is the octets of a small form.
const maxForm = 32 << 10

// startBody is the page before somebody has logged in.
type startBody struct {
	Providers []login.About
	Out       bool   // just logged out
	Ended     bool   // the session ended by itself
	To        string // where to go after the login
	Link      string // token of a notice's link
	Phone     bool
}

// loginPage is a page with the buttons of the providers.
func (s *Server) loginPage(v *visit, name, title string, b startBody) error {
	for _, p := range s.config.Providers {
		about := p.About()
		b.Providers = append(b.Providers, about)
		v.formOrigins = append(v.formOrigins, about.Origins...)
	}
	b.Phone = login.Phone(v.r.UserAgent())
	return s.render(v, http.StatusOK, name, v.lang.text(title), b)
}

func (s *Server) start(v *visit) error {
	if v.in {
		return v.redirect("/messages")
	}
	return s.loginPage(v, "start", "start.title", startBody{Out: v.r.URL.Query().Has("out")})
}

// landing is where a notice's link leads. It says what will happen and does nothing: mail scanners fetch links too. It is
// the same for every token.
func (s *Server) landing(v *visit) error {
	return s.loginPage(v, "landing", "landing.title", startBody{Link: v.r.PathValue("token")})
}

// chooser asks a visitor without session which way to go in.
func (s *Server) chooser(v *visit) error {
	q := v.r.URL.Query()
	to := ourPath(q.Get("to"))
	if v.in {
		return v.redirect(orMessages(to))
	}
	return s.loginPage(v, "login", "login.title", startBody{To: to, Ended: q.Has("ended")})
}

func orMessages(to string) string {
	if to == "" {
		return "/messages"
	}
	return to
}

// pendingLogin is a login under way, as the session keeps it.
type pendingLogin struct {
	Provider, Memory, To, Link string
}

// maxLink is more than any link's token.
const maxLink = 128

// beginLogin sends a person to the provider, after a press on a button and never otherwise.
func (s *Server) beginLogin(v *visit) error {
	provider := s.provider(v.r.PathValue("provider"))
	if provider == nil {
		return errNoPage
	}
	if err := s.smallForm(v); err != nil {
		return err
	}
	s.dropPending(v.r, provider)
	begun, err := provider.Start(v.r.Context(), s.loginVisit(v, provider))
	if err != nil {
		return err
	}
	p := pendingLogin{Provider: provider.About().ID, Memory: begun.Memory, To: ourPath(v.r.PostForm.Get("to"))}
	if link := v.r.PostForm.Get("link"); len(link) <= maxLink {
		p.Link = link
	}
	kept, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := s.sessions.RenewToken(v.r.Context()); err != nil {
		return err
	}
	s.sessions.Put(v.r.Context(), keyPending, string(kept))
	if begun.URL == "" {
		return v.redirect("/login/" + p.Provider + "/wait")
	}
	return v.redirect(begun.URL)
}

func (s *Server) provider(id string) login.Provider {
	for _, p := range s.config.Providers {
		if p.About().ID == id {
			return p
		}
	}
	return nil
}

// loginVisit is what the provider may know of the browser. Where the person waits here, the app comes back here too.
func (s *Server) loginVisit(v *visit, p login.Provider) login.Visit {
	host, about := "https://"+s.base.Host, p.About()
	out := login.Visit{
		Callback: host + "/login/" + about.ID + "/callback", Home: host + "/logged-out", Lang: v.lang.tag,
		Address: address(v.r), UserAgent: v.r.UserAgent(),
	}
	if about.Devices {
		out.Callback = host + "/login/" + about.ID + "/wait"
		out.SameDevice = v.r.PostForm.Get("device") == "this"
		out.Device = v.device()
	}
	return out
}

// smallForm reads a form of a few fields, within the visitor's allowance.
func (s *Server) smallForm(v *visit) error {
	if !s.visitors.allow(network(v.r)) {
		return errTooMany
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return errBadForm
	}
	return nil
}

// endLogin takes what the provider sent back. The pending login is forgotten before it is judged, so it counts once.
func (s *Server) endLogin(v *visit) error {
	if !s.visitors.allow(network(v.r)) {
		return errTooMany
	}
	ctx := v.r.Context()
	kept, _ := s.sessions.Pop(ctx, keyPending).(string)
	var p pendingLogin
	provider := s.provider(v.r.PathValue("provider"))
	if provider == nil || json.Unmarshal([]byte(kept), &p) != nil || p.Provider != provider.About().ID {
		return login.ErrState
	}
	answer, err := s.answer(v, provider.About())
	if err != nil {
		return err
	}
	identity, err := provider.Finish(ctx, answer, p.Memory)
	if err != nil {
		return err
	}
	if err := s.enterPerson(v, identity, p.Provider); err != nil {
		return err
	}
	if p.Link != "" {
		return s.openLink(v, p.Link)
	}
	return v.redirect(orMessages(p.To))
}

// enterPerson makes the session that of whom a provider vouches for.
func (s *Server) enterPerson(v *visit, i login.Identity, provider string) error {
	ctx, who := v.r.Context(), vault.Person(i.Person).Named(i.Name)
	for _, former := range i.Former {
		if err := s.config.Vault.Directory().PutFormer(ctx, i.Person, former, provider); err != nil {
			return err
		}
	}
	if err := s.enter(v.r, who, ""); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyFull, i.Name)
	s.sessions.Put(ctx, keyEnd, i.End)
	v.who, v.in = who, true
	return s.audit(ctx, who, "login", provider)
}

func (s *Server) audit(ctx context.Context, who vault.Principal, action, detail string) error {
	log := s.config.Vault.Audit()
	return log.Record(ctx, vault.Event{Actor: log.Actor(who), Action: action, Result: "ok", Detail: detail})
}

// followLink is the button on the landing page for somebody who is logged in already.
func (s *Server) followLink(v *visit) error {
	if !s.visitors.allow(network(v.r)) {
		return errTooMany
	}
	token := v.r.PathValue("token")
	if !v.in || !v.who.IsPerson() {
		return v.redirect("/m/" + token)
	}
	return s.openLink(v, token)
}

// noMessage is the address of a message that does not exist. Whoever may not follow a link is sent there, so that an
// unknown link, somebody else's link and a message that is gone are one page.
const noMessage = "/messages/none"

func (s *Server) openLink(v *visit, token string) error {
	if !s.linkAllowed(token) {
		return errTooMany
	}
	return s.reading(func(v *visit, r *vault.Reader) error {
		id, err := r.FollowLink(v.r.Context(), token)
		switch {
		case errors.Is(err, vault.ErrAwaitsApproval):
			return v.redirect("/identified")
		case errors.Is(err, vault.ErrNotFound):
			return v.redirect(noMessage)
		}
		if err != nil {
			return err
		}
		return v.redirect("/messages/" + id.String())
	})(v)
}

// linkAllowed bounds what a link costs that is passed round: each use of it is a commit and a line in the audit.
func (s *Server) linkAllowed(token string) bool {
	return s.links.allow(token[:min(len(token), maxLink)])
}

// identified tells whoever came by the link of a recipient who was to identify what happens now. It says the same to
// everybody who is logged in.
func (s *Server) identified(v *visit) error {
	return s.render(v, http.StatusOK, "identified", v.lang.text("identified.title"), nil)
}
