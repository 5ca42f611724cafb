package web_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigill/web"
)

// app is what a staff member's telephone shows for the key on the page (RFC 6238).
func app(t *testing.T, key string, at time.Time) string {
	t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(key, " ", ""))
	must(t, err)
	mac := hmac.New(sha1.New, secret)
	must(t, binary.Write(mac, binary.BigEndian, at.Unix()/30))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1000000)
}

var (
	shownKey  = regexp.MustCompile(`<code>([A-Z2-7 ]{39})</code>`)
	shownCode = regexp.MustCompile(`<li><code>([a-z2-7-]{17})</code></li>`)
)

func find(t *testing.T, re *regexp.Regexp, in answer) string {
	t.Helper()
	m := re.FindStringSubmatch(in.body)
	if m == nil {
		t.Fatalf("%s: no %s in\n%s", in.path, re, in.body)
	}
	return m[1]
}

func (v *visitor) password() answer {
	return v.post("/staff/login", url.Values{"username": {anna.String()}, "password": {password}, "to": {"/holds"}})
}

func (v *visitor) code(code string) answer { return v.post("/staff/code", url.Values{"code": {code}}) }

// TestTwoSteps: set up by who is in, then asked for; a code of the app and a recovery code once each.
func TestTwoSteps(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.staff()
	page := v.get("/staff/second").is(http.StatusOK).has("otpauth://totp/Exempels%20kommun:anna.ek@exempel.se?issuer=Exempels%20kommun", "<svg")
	key := find(t, shownKey, page)
	v.post("/staff/second", url.Values{"code": {"x"}}).is(http.StatusUnprocessableEntity).has(key, `aria-describedby="fault"`)
	now := time.Now()
	done := v.post("/staff/second", url.Values{"code": {app(t, key, now)}}).is(http.StatusOK).has("visas bara nu", `href="/messages"`).lacks(key)
	recovery := find(t, shownCode, done)
	v.post("/staff/second", url.Values{"code": {app(t, key, now)}}).is(http.StatusConflict)
	v.get("/staff/second").is(http.StatusOK).has("kvar: 10").lacks(key, recovery, "<svg")

	v = s.visitor()
	v.get("/staff/code").to("/staff/login")
	v.code(recovery).to("/staff/login")
	v.password().to("/staff/code")
	v.get("/holds").to("/staff/login?to=%2Fholds")
	v.get("/staff/second").is(http.StatusNotFound)
	v.get("/staff/code").is(http.StatusOK).has("one-time-code")
	v.code(app(t, key, now)).is(http.StatusForbidden).has("redan använts", `aria-describedby="fault"`)
	v.code(app(t, key, now.Add(30*time.Second))).to("/holds")
	v.get("/holds").is(http.StatusOK).has("Inloggad som Anna Ek")

	v = s.visitor()
	v.password().to("/staff/code")
	v.code(recovery).to("/holds")
	v = s.visitor()
	v.password().to("/staff/code")
	v.code(recovery).is(http.StatusForbidden)
	s.clock.pass(11 * time.Minute)
	v.code(app(t, key, now)).to("/staff/login")

	must(t, s.vault.Administration("root").RemoveSecond(t.Context(), anna))
	s.visitor().password().to("/holds")
	if log := s.log.String(); strings.Contains(log, recovery) || strings.Contains(log, key) {
		t.Error("a code or the key is in the log")
	}
}

// TestTwoStepsDemanded: whoever has none sets one up between password and session.
func TestTwoStepsDemanded(t *testing.T) {
	t.Parallel()
	s := stageOf(t, func(c *web.Config) { c.Staff.SecondFactor = true })
	v, other := s.visitor(), s.visitor()
	v.get("/staff/second").is(http.StatusNotFound)
	v.password().to("/staff/second")
	other.password().to("/staff/second")
	v.get("/holds").to("/staff/login?to=%2Fholds")
	key := find(t, shownKey, v.get("/staff/second").is(http.StatusOK).has("Ställ in något av dem nu"))
	wrong := find(t, shownKey, other.get("/staff/second"))
	if key == wrong {
		t.Fatal("two sessions are offered one key")
	}
	v.post("/staff/second", url.Values{"code": {app(t, key, time.Now())}}).is(http.StatusOK).has(`href="/holds"`, "Inloggad som Anna Ek")
	v.get("/holds").is(http.StatusOK)
	other.post("/staff/second", url.Values{"code": {app(t, wrong, time.Now())}}).is(http.StatusConflict)
	other.get("/staff/second").to("/staff/code")
	second, err := s.vault.Directory().Second(t.Context(), anna)
	if err != nil || second.TOTP.IsZero() || s.events("set up second factor", "ok") != 1 {
		t.Errorf("%+v, %v", second, err)
	}
}
