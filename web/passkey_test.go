package web_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigill/vault"
	"sigill/web"
)

const rp = "post.exempel.se"

func passkeyStage(t *testing.T) *stage {
	t.Helper()
	return stageOf(t, func(c *web.Config) { c.BaseURL = "https://" + rp })
}

// authenticator is a security key and the browser before it, as honest as its fields say (WebAuthn level 3 sections 5.8.1
// and 6.1).
type authenticator struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	id     []byte
	origin string
	flags  byte
	count  uint32
}

const (
	userPresent  = 0x01
	userVerified = 0x04
	attested     = 0x40
)

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return &authenticator{t: t, key: key, id: []byte(rand.Text()), origin: "https://" + rp, flags: userPresent | userVerified, count: 7}
}

var shownOptions = regexp.MustCompile(`data-passkey="([^"]*)"`)

// challenge is the one on a page.
func (a *authenticator) challenge(page answer) string {
	a.t.Helper()
	var options struct{ Challenge string }
	must(a.t, json.Unmarshal([]byte(html.UnescapeString(find(a.t, shownOptions, page))), &options))
	return options.Challenge
}

func (a *authenticator) clientData(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	must(a.t, err)
	return b
}

func (a *authenticator) data(flags byte) []byte {
	sum := sha256.Sum256([]byte(rp))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), a.count)
}

func (a *authenticator) answer(response map[string][]byte) string {
	text := base64.RawURLEncoding.EncodeToString
	coded := map[string]string{}
	for name, octets := range response {
		coded[name] = text(octets)
	}
	b, err := json.Marshal(map[string]any{"id": text(a.id), "rawId": text(a.id), "type": "public-key", "response": coded, "clientExtensionResults": map[string]any{}})
	must(a.t, err)
	return string(b)
}

// create makes a passkey, with no attestation.
func (a *authenticator) create(page answer) string {
	a.t.Helper()
	point, err := a.key.PublicKey.Bytes()
	must(a.t, err)
	cose := bytes.Join([][]byte{{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33], {0x22, 0x58, 32}, point[33:]}, nil)
	data := append(a.data(a.flags|attested), make([]byte, 16)...) // of no maker
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = bytes.Join([][]byte{data, a.id, cose}, nil)
	object := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), byte(len(data)))
	return a.answer(map[string][]byte{"clientDataJSON": a.clientData("webauthn.create", a.challenge(page)), "attestationObject": append(object, data...)})
}

// get signs with it.
func (a *authenticator) get(page answer) string {
	a.t.Helper()
	a.count++
	client, data := a.clientData("webauthn.get", a.challenge(page)), a.data(a.flags)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	must(a.t, err)
	return a.answer(map[string][]byte{"clientDataJSON": client, "authenticatorData": data, "signature": signature})
}

func (v *visitor) addPasskey(a *authenticator, name string) answer {
	v.t.Helper()
	return v.post("/staff/second/passkey", url.Values{"name": {name}, "answer": {a.create(v.get("/staff/second"))}})
}

func (v *visitor) passkey(answered string) answer {
	return v.post("/staff/passkey", url.Values{"answer": {answered}})
}

// TestPasskeyAnswers has an authenticator, or who sits between, answer otherwise than it should.
func TestPasskeyAnswers(t *testing.T) {
	t.Parallel()
	s := passkeyStage(t)
	key := newAuthenticator(t)
	s.staff().addPasskey(key, "Plattan").is(http.StatusOK)
	must(t, s.vault.Directory().PutAccount(t.Context(), vault.Account{Address: bo, Name: "Bo"}, password))
	theirs, bos := newAuthenticator(t), s.visitor()
	bos.post("/staff/login", url.Values{"username": {bo.String()}, "password": {password}}).to("/messages")
	bos.addPasskey(theirs, "Bos").is(http.StatusOK)

	used := ""
	for _, row := range []struct {
		why    string
		answer func(v *visitor, page answer) string
		status int
	}{
		{"as it should be", func(_ *visitor, page answer) string { used = key.get(page); return used }, http.StatusSeeOther},
		{"an answer to an earlier challenge", func(*visitor, answer) string { return used }, http.StatusForbidden},
		{"a challenge that was used", func(v *visitor, page answer) string {
			a := key.get(page)
			v.passkey("{}").is(http.StatusForbidden)
			return a
		}, http.StatusForbidden},
		{"a challenge of long ago", func(_ *visitor, page answer) string { s.clock.pass(6 * time.Minute); return key.get(page) }, http.StatusConflict},
		{"another site's", func(_ *visitor, page answer) string {
			key.origin = "https://post.exempel.se.example"
			defer func() { key.origin = "https://" + rp }()
			return key.get(page)
		}, http.StatusForbidden},
		{"nobody was verified", func(_ *visitor, page answer) string {
			key.flags = userPresent
			defer func() { key.flags |= userVerified }()
			return key.get(page)
		}, http.StatusForbidden},
		{"somebody else's key", func(_ *visitor, page answer) string { return theirs.get(page) }, http.StatusForbidden},
		{"somebody else's key under this one's name", func(_ *visitor, page answer) string {
			forged := *theirs
			forged.id, forged.count = key.id, key.count+1
			return forged.get(page)
		}, http.StatusForbidden},
		{"a counter that went back", func(_ *visitor, page answer) string {
			key.count -= 6
			defer func() { key.count += 6 }()
			return key.get(page)
		}, http.StatusForbidden},
		{"nothing", func(*visitor, answer) string { return "" }, http.StatusForbidden},
		{"as it should be, after all that", func(_ *visitor, page answer) string { return key.get(page) }, http.StatusSeeOther},
	} {
		v := s.visitor()
		v.password().to("/staff/code")
		if got := v.passkey(row.answer(v, v.get("/staff/code"))); got.StatusCode != row.status {
			t.Errorf("%s: %d, want %d", row.why, got.StatusCode, row.status)
		}
		inside := http.StatusSeeOther
		if row.status == http.StatusSeeOther {
			inside = http.StatusOK
		}
		v.get("/holds").is(inside)
	}
	if s.events("second factor", "ok") != 2 || s.events("second factor", "refused") != 1 {
		t.Error("the audit tells otherwise")
	}
}

// TestPasskeyIsMade, and not if the answer is not as it should be.
func TestPasskeyIsMade(t *testing.T) {
	t.Parallel()
	s := passkeyStage(t)
	v, key := s.staff(), newAuthenticator(t)
	page := v.get("/staff/second").is(http.StatusOK).has("kräver JavaScript", "/static/passkey.js", "otpauth://")
	if !strings.Contains(page.Header.Get("Content-Security-Policy"), "script-src 'self'") {
		t.Error("the page's script may not run")
	}
	for why, change := range map[string]func(*authenticator){
		"another site's":      func(a *authenticator) { a.origin = "https://exempel.se" },
		"nobody was verified": func(a *authenticator) { a.flags = userPresent },
	} {
		bad := newAuthenticator(t)
		change(bad)
		if got := v.addPasskey(bad, "Fel"); got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", why, got.StatusCode)
		}
	}
	answered := key.create(v.get("/staff/second"))
	v.post("/staff/second/passkey", url.Values{"name": {" "}, "answer": {answered}}).is(http.StatusUnprocessableEntity).has("1 till 64 tecken")
	v.post("/staff/second/passkey", url.Values{"name": {"Nyckel"}, "answer": {answered}}).is(http.StatusUnprocessableEntity) // the challenge was used
	recovery := find(t, shownCode, v.addPasskey(key, "Plattan").is(http.StatusOK).has("visas bara nu"))
	v.get("/staff/second").is(http.StatusOK).has("Plattan", "har inte använts", "kvar: 10").lacks("button small")
	v.addPasskey(key, "Samma").is(http.StatusUnprocessableEntity)
	id := func(v *visitor) string {
		return find(t, regexp.MustCompile(`name="id" value="([a-z2-7]{16})"`), v.get("/staff/second"))
	}
	second, err := s.vault.Directory().Second(t.Context(), anna)
	must(t, err)
	v.post("/staff/second/remove", url.Values{"id": {second.Passkeys[0].ID}}).is(http.StatusConflict).has("Det sista")

	// A session that was left open changes nothing; who shows the second factor does.
	s.clock.pass(11 * time.Minute)
	v.get("/staff/second").is(http.StatusOK).lacks("data-passkey", "otpauth://", "/staff/second/recovery")
	for _, path := range []string{"recovery", "remove", "passkey"} {
		v.post("/staff/second/"+path, url.Values{"id": {second.Passkeys[0].ID}}).to("/staff/code")
	}
	v.passkey(key.get(v.get("/staff/code").is(http.StatusOK))).to("/staff/second")
	v.addPasskey(newAuthenticator(t), "Reserven").to("/staff/second")
	v.get("/staff/second").has("Reserven", "användes senast", "kvar: 10")
	v.post("/staff/second/remove", url.Values{"id": {id(v)}}).to("/staff/second")
	v.get("/staff/second").has("Reserven").lacks("Plattan", "<button class=\"button small\">")

	made := find(t, shownCode, v.post("/staff/second/recovery", nil).is(http.StatusOK))
	again := s.visitor()
	again.password().to("/staff/code")
	again.get("/staff/code").is(http.StatusOK).has("Återställningskod").lacks("one-time-code")
	again.code(recovery).is(http.StatusForbidden)
	again.code(made).to("/holds")
	if s.events("new recovery codes", "ok") != 1 || s.events("set up second factor", "ok") != 2 || s.events("remove second factor", "ok") != 1 {
		t.Error("the audit tells otherwise")
	}
}

// TestPasskeyDemanded: a passkey will do where the configuration demands a second factor.
func TestPasskeyDemanded(t *testing.T) {
	t.Parallel()
	s := stageOf(t, func(c *web.Config) { c.BaseURL, c.Staff.SecondFactor = "https://"+rp, true })
	v, key := s.visitor(), newAuthenticator(t)
	v.password().to("/staff/second")
	v.addPasskey(key, "Nyckel").is(http.StatusOK).has(`href="/holds"`, "Inloggad som Anna Ek")
	v.get("/holds").is(http.StatusOK)
	// Without a domain there are no passkeys, and the page does not speak of them.
	newStage(t, web.Limits{}).staff().get("/staff/second").is(http.StatusOK).lacks("data-passkey", "passkey.js")
}
