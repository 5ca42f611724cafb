package outbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"sigill/policy"
	"sigill/vault"
)

func job(kind vault.JobKind) vault.Job {
	j := vault.Job{ID: [16]byte{1, 2, 3}, Kind: kind, To: cecil, Message: vault.MessageID{9, 8, 7}}
	if kind == vault.NoticeMessage {
		j.Link = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	}
	if kind == vault.NoticeDisposal {
		j.Disposal = time.Date(2027, 5, 2, 22, 30, 0, 0, time.UTC) // half an hour into the day after
	}
	return j
}

var allKinds = []vault.JobKind{vault.NoticeMessage, vault.NoticeStaff, vault.NoticeHold, vault.NoticeFailed, vault.NoticeDisposal}

// parts reads the text and the HTML of a notice with the standard library.
func parts(t *testing.T, raw string) (text, html string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	var out []string
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p.Header.Get("Content-Type"), string(b))
	}
	if len(out) != 4 || out[0] != "text/plain; charset=utf-8" || out[2] != "text/html; charset=utf-8" {
		t.Fatalf("parts %q", out)
	}
	return out[1], out[3]
}

func TestNotice(t *testing.T) {
	t.Parallel()
	v := openVault(t)
	w := worker(t, v, &outside{}, func(c *Config) { c.Signers = signers(t) })
	for _, kind := range allKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b, err := w.mail(job(kind))
			if err != nil {
				t.Fatal(err)
			}
			raw := string(b)
			for line := range strings.SplitSeq(strings.TrimSuffix(raw, "\r\n"), "\r\n") {
				if len(line) > 78 && !strings.HasPrefix(line, " h=") && !strings.HasPrefix(line, "DKIM-Signature") {
					t.Errorf("line of %d octets: %s", len(line), line)
				}
				if strings.ContainsAny(line, "\r\n") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
					t.Errorf("bare line end or 8-bit: %q", line)
				}
			}
			for name, want := range map[string]string{
				"From": "=?utf-8?q?=C3=96rnsk=C3=B6ldsviks_kommun?= <noreply@kommun.example>", "To": "<cecil@ut.example>",
				"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Mime-Version": "1.0", "Content-Language": "sv, en",
			} {
				if got := header(t, raw, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if _, err := mail.ParseDate(header(t, raw, "Date")); err != nil {
				t.Error(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(header(t, raw, "Subject"))
			if err != nil || !strings.Contains(subject, " / ") || kind == vault.NoticeMessage && subject != "Du har fått ett säkert meddelande från Örnsköldsviks kommun / You have a secure message" {
				t.Errorf("subject %q, %v", subject, err)
			}
			text, html := parts(t, raw)
			link := w.texts.link(job(kind))
			sv, en := "90 dagar", "90 days"
			if kind == vault.NoticeDisposal {
				sv, en = "3 maj 2027", "3 May 2027" // in Sweden; how long others are kept would confuse
			}
			for what, part := range map[string]string{"text": text, "HTML": html} {
				if strings.Count(part, link) < 2 || !strings.Contains(part, "0660-880 00") || !strings.Contains(part, sv) || !strings.Contains(part, en) {
					t.Errorf("%s lacks link, phone or retention:\n%s", what, part)
				}
				if strings.Contains(part, "Hemlighet") || strings.Contains(part, "1990") || strings.Contains(part, "anna@") || strings.Contains(part, "<no value>") {
					t.Errorf("%s tells too much:\n%s", what, part)
				}
			}
			if sv, en := strings.Index(text, "Har du frågor"), strings.Index(text, "If you have questions"); sv < 0 || en < sv {
				t.Error("Swedish does not come first")
			}
			for _, m := range regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`).FindAllStringSubmatch(html, -1) {
				if m[1] != m[2] {
					t.Errorf("the link to %s shows %s", m[1], m[2])
				}
			}
			for _, bad := range []string{"<img", "src=", "url(", "http:", "<script", "@import"} {
				if strings.Contains(html, bad) {
					t.Errorf("HTML has %s", bad)
				}
			}
			if !strings.Contains(html, `<div lang="sv">`) || !strings.Contains(html, `<div lang="en" class="second">`) {
				t.Error("HTML does not name its languages")
			}
		})
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	id := vault.MessageID{9, 8, 7}.String()
	for kind, want := range map[vault.JobKind]string{
		vault.NoticeMessage: "https://saker.kommun.example/m/ABCDEFGHIJKLMNOPQRSTUVWXYZ", vault.NoticeStaff: "https://saker.kommun.example/messages/" + id,
		vault.NoticeHold: "https://saker.kommun.example/holds/" + id, vault.NoticeFailed: "https://saker.kommun.example/messages/" + id,
	} {
		if got := notices().link(job(kind)); got != want {
			t.Errorf("%s leads to %s, want %s", kind, got, want)
		}
	}
}

func TestHTMLIsEscaped(t *testing.T) {
	t.Parallel()
	n := notices()
	n.Organisation = `A & B <b onload="x">`
	w := worker(t, openVault(t), &outside{}, func(c *Config) { c.Notices = n })
	b, err := w.mail(job(vault.NoticeMessage))
	if err != nil {
		t.Fatal(err)
	}
	if _, html := parts(t, string(b)); strings.Contains(html, "<b ") || !strings.Contains(html, "A &amp; B &lt;b") {
		t.Error(html)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	v := openVault(t)
	foreign, err := ParseSigner("e1", "annan.example", keys()[1])
	if err != nil {
		t.Fatal(err)
	}
	for why, change := range map[string]func(*Config){
		"no organisation":                    func(c *Config) { c.Notices.Organisation = " " },
		"a line end in the organisation":     func(c *Config) { c.Notices.Organisation = "A\r\nBcc: x@y.example" },
		"links in clear":                     func(c *Config) { c.Notices.BaseURL = "http://kommun.example" },
		"a slash at the end":                 func(c *Config) { c.Notices.BaseURL += "/" },
		"a URL that is not one link":         func(c *Config) { c.Notices.MunicipalityURL = "https://kommun.example/a b" },
		"a password in a URL":                func(c *Config) { c.Notices.MunicipalityURL = "https://u:p@kommun.example" },
		"nothing on retention in English":    func(c *Config) { c.Notices.Retention.English = "" },
		"no From":                            func(c *Config) { c.From = policy.Address{} },
		"no sender":                          func(c *Config) { c.Sender = nil },
		"a DKIM key of another organisation": func(c *Config) { c.Signers = []Signer{foreign} },
	} {
		c := Config{Outbox: v.Outbox(), Sender: &outside{}, Notices: notices(), From: anna}
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
}

func TestDKIM(t *testing.T) {
	t.Parallel()
	zone := map[string][]string{}
	for _, s := range signers(t) {
		name, text := s.Record()
		zone[name] = []string{text}
	}
	verify := func(raw string) (good int, err error) {
		all, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{MaxVerifications: 5, LookupTXT: func(name string) ([]string, error) {
			if txt, ok := zone[name]; ok {
				return txt, nil
			}
			return nil, fmt.Errorf("no such name %s", name)
		}})
		for _, v := range all {
			if v.Err == nil {
				good++
			}
			err = v.Err
		}
		return good, err
	}
	w := worker(t, openVault(t), &outside{}, func(c *Config) { c.Signers = signers(t) })
	for _, kind := range allKinds {
		b, err := w.mail(job(kind))
		if err != nil {
			t.Fatal(err)
		}
		raw := string(b)
		if good, err := verify(raw); good != 2 {
			t.Fatalf("%s: %d good signatures: %v", kind, good, err)
		}
		if !strings.Contains(raw, "a=rsa-sha256") || !strings.Contains(raw, "a=ed25519-sha256") {
			t.Error("not one signature of each kind")
		}
		for why, bad := range map[string]string{
			"another phone":  strings.Replace(raw, "0660-880 00", "0900-111 11", 1),
			"another link":   strings.Replace(raw, "https://saker", "https://xaker", 1),
			"another To":     strings.Replace(raw, "To: <cecil@", "To: <dag@", 1),
			"another From":   strings.Replace(raw, "<noreply@", "<angrepp@", 1),
			"a second From":  "From: angrepp@ond.example\r\n" + raw,
			"another date":   strings.Replace(raw, "\r\nDate: ", "\r\nDate: X", 1),
			"more text":      raw + "mer\r\n",
			"another header": strings.Replace(raw, "auto-generated", "no", 1),
		} {
			if bad == raw {
				t.Fatalf("%s: nothing changed", why)
			}
			if good, _ := verify(bad); good != 0 {
				t.Errorf("%s: %d signatures still good", why, good)
			}
		}
	}
	if line := signers(t)[0].Zone(); !strings.HasPrefix(line, `r1._domainkey.kommun.example. IN TXT ( "v=DKIM1; k=rsa; p=`) || strings.Count(line, `"`) != 4 {
		t.Error(line)
	}
}

func TestParseSignerRefuses(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no short keys")
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&short.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for why, row := range map[string]struct {
		selector, domain string
		pem              []byte
	}{
		"RSA of 1024 bits": {"s", "kommun.example", pemOf(t, short)},
		"ECDSA":            {"s", "kommun.example", pemOf(t, curve)},
		"public key":       {"s", "kommun.example", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})},
		"broken":           {"s", "kommun.example", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})},
		"no PEM":           {"s", "kommun.example", []byte("hemligt")},
		"no selector":      {"", "kommun.example", keys()[1]},
		"injected tag":     {"s; d=x", "kommun.example", keys()[1]},
		"no domain":        {"s", "", keys()[1]},
	} {
		if _, err := ParseSigner(row.selector, row.domain, row.pem); err == nil || strings.Contains(err.Error(), "hemligt") {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestSameJobSameMessageID(t *testing.T) {
	t.Parallel()
	w := worker(t, openVault(t), &outside{}, nil)
	one, _ := w.mail(job(vault.NoticeMessage))
	again := job(vault.NoticeMessage)
	again.Attempts, again.Due = 3, time.Now()
	two, _ := w.mail(again)
	other := job(vault.NoticeMessage)
	other.ID[0]++
	three, _ := w.mail(other)
	a, b, c := header(t, string(one), "Message-ID"), header(t, string(two), "Message-ID"), header(t, string(three), "Message-ID")
	if a != b || a == c || !strings.HasSuffix(a, "@kommun.example>") {
		t.Error(a, b, c)
	}
}
