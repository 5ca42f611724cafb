package web_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sigill/policy"
	"sigill/web"
	"sigill/web/login"
)

// fakeStaffProvider vouches for whom the test says, without leaving the server.
type fakeStaffProvider struct {
	id  string
	mu  sync.Mutex
	who policy.Address
	end string
	err error
}

func (p *fakeStaffProvider) About() login.About {
	return login.About{ID: p.id, Name: "arbetskonto", Origins: []string{"https://sso.example"}}
}

func (p *fakeStaffProvider) Start(_ context.Context, v login.Visit) (login.Begun, error) {
	state := rand.Text()
	return login.Begun{URL: v.Callback + "?state=" + state, Memory: state}, nil
}

func (p *fakeStaffProvider) Finish(_ context.Context, answer url.Values, memory string) (login.StaffIdentity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if answer.Get("state") != memory {
		return login.StaffIdentity{}, login.ErrState
	}
	return login.StaffIdentity{Address: p.who, End: p.end}, p.err
}

func (p *fakeStaffProvider) is(who policy.Address, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.who, p.err = who, err
}

// staffStage has a staff provider of the same id as the persons'.
func staffStage(t *testing.T, noPasswords bool) (*stage, *fakeStaffProvider) {
	t.Helper()
	p := &fakeStaffProvider{id: "eid", who: anna, end: "https://sso.example/end?client_id=sigill"}
	return stageOf(t, func(c *web.Config) {
		c.Staff = web.StaffLogin{Providers: []web.StaffProvider{p}, NoPasswords: noPasswords}
	}), p
}

func TestStaffAtTheirOrganisation(t *testing.T) {
	t.Parallel()
	s, p := staffStage(t, false)
	v := s.visitor()
	form := v.get("/staff/login?to=/holds").is(http.StatusOK).has("Logga in med arbetskonto", `action="/staff/login/eid"`, `name="password"`, "Eller med")
	if csp := form.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://sso.example") {
		t.Error("the form may not lead to the provider: " + csp)
	}
	p.is(policy.MustAddress("Anna.Ek@EXEMPEL.se"), nil)
	v.get(v.post("/staff/login/eid", url.Values{"to": {"/holds"}}).Header.Get("Location")).to("/holds")
	v.get("/holds").is(http.StatusOK).has("Inloggad som Anna Ek")
	if s.events("login", "ok") != 1 {
		t.Error("the login is not in the audit")
	}
	v.post("/logout", nil).to("https://sso.example/end?client_id=sigill")
	v.get("/holds").to("/staff/login?to=%2Fholds")
}

// TestStaffWhoDoNotComeIn: each is told what is wrong, and nobody is logged in.
func TestStaffWhoDoNotComeIn(t *testing.T) {
	t.Parallel()
	s, p := staffStage(t, false)
	for _, row := range []struct {
		why    string
		who    policy.Address
		err    error
		status int
		says   string
	}{
		{"no account", policy.MustAddress("bo@exempel.se"), nil, http.StatusForbidden, "Du har inget konto här"},
		{"a function address is nobody", care, nil, http.StatusForbidden, "Du har inget konto här"},
		{"no address of ours", policy.Address{}, fmt.Errorf("%w: x", login.ErrNoAddress), http.StatusForbidden, "Du har inget konto här"},
		{"not in the group", policy.Address{}, fmt.Errorf("%w: x", login.ErrAssurance), http.StatusForbidden, "tillhör inte dem"},
		{"broken off", policy.Address{}, login.ErrCancelled, http.StatusForbidden, "avbröts"},
		{"the provider is away", policy.Address{}, login.ErrUnavailable, http.StatusBadGateway, "svarar inte"},
		{"its answer does not hold", policy.Address{}, login.ErrToken, http.StatusBadGateway, "gick inte att kontrollera"},
		{"the vault is away", policy.Address{}, errors.New("disk"), http.StatusInternalServerError, ""},
	} {
		p.is(row.who, row.err)
		v := s.visitor()
		a := v.get(v.post("/staff/login/eid", nil).Header.Get("Location"))
		if a.StatusCode != row.status || !strings.Contains(a.body, row.says) {
			t.Errorf("%s: %d\n%s", row.why, a.StatusCode, a.body)
		}
		v.get("/holds").to("/staff/login?to=%2Fholds")
	}
}

// TestStaffLoginsUnderWay: an answer counts once, in the session that began, at the provider it began with.
func TestStaffLoginsUnderWay(t *testing.T) {
	t.Parallel()
	s, _ := staffStage(t, false)
	v := s.visitor()
	back := v.post("/staff/login/eid", nil).Header.Get("Location")
	s.visitor().get(back).is(http.StatusBadRequest)
	person := strings.Replace(back, "/staff/login/", "/login/", 1)
	v.get(person).is(http.StatusBadRequest)
	v.get(back).to("/messages")
	v.get(back).is(http.StatusBadRequest)

	p := s.visitor()
	back = p.post("/login/eid", nil).Header.Get("Location")
	p.get(strings.Replace(back, "/login/", "/staff/login/", 1)).is(http.StatusBadRequest)
	p.post("/staff/login/other", nil).is(http.StatusNotFound)
	p.get("/staff/login/other/callback").is(http.StatusBadRequest)
}

func TestStaffWithoutPasswords(t *testing.T) {
	t.Parallel()
	s, _ := staffStage(t, true)
	v := s.visitor()
	v.get("/staff/login").is(http.StatusOK).has("Logga in med arbetskonto").lacks("password", "Eller med")
	v.post("/staff/login", url.Values{"username": {anna.String()}, "password": {password}}).is(http.StatusNotFound)
	v.get("/holds").to("/staff/login?to=%2Fholds")
	v.follow(v.post("/staff/login/eid", nil)).is(http.StatusOK)
}

var _ web.StaffProvider = (*login.StaffOIDC)(nil)
