package smtpd

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

// issuer vouches for whoever a token names: "token-for-" address, padded with dots.
type issuer struct{}

func (issuer) Verify(_ context.Context, token string) (string, error) {
	if token == "down" {
		return "", errors.New("the issuer does not answer")
	}
	address, ok := strings.CutPrefix(strings.TrimRight(token, "."), "token-for-")
	if !ok {
		return "", vault.ErrBadCredentials
	}
	return strings.ReplaceAll(address, "/", "@"), nil
}

func TestTokenLogin(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.Tokens = issuer{} })
	bearer := func(user, token string) string { return b64("n," + user + ",\x01auth=Bearer " + token + "\x01\x01") }
	x := func(user, token string) string { return b64("user=" + user + "\x01auth=Bearer " + token + "\x01\x01") }
	const good = "token-for-anna/kommun.example"
	refusal := "334 " + b64(`{"status":"invalid_token","schemes":"bearer"}`)
	xRefusal := "334 " + b64(`{"status":"401","schemes":"bearer"}`)
	// A line of 64 KB with its CRLF; the three octets of base64 are one of token.
	long := good + strings.Repeat(".", (64<<10-2-len("AUTH XOAUTH2 "))/4*3-len("user=anna@kommun.example\x01auth=Bearer \x01\x01"+good))
	if line := "AUTH XOAUTH2 " + x(anna.String(), long) + "\r\n"; len(line) < 64<<10-4 {
		t.Fatalf("the long line has %d octets", len(line))
	}
	for why, row := range map[string][]string{
		"OAUTHBEARER":                  {"AUTH OAUTHBEARER " + bearer("", good), "235", "MAIL FROM:<anna@kommun.example>", "250"},
		"OAUTHBEARER in two lines":     {"AUTH OAUTHBEARER", "334 ", bearer("a="+anna.String(), good), "235", "MAIL FROM:<familj@kommun.example>", "250"},
		"XOAUTH2":                      {"AUTH XOAUTH2 " + x(anna.String(), good), "235", "MAIL FROM:<bo@kommun.example>", "553"},
		"XOAUTH2 in two lines":         {"AUTH xoauth2", "334 ", x(anna.String(), good), "235"},
		"64 KB":                        {"AUTH XOAUTH2 " + x(anna.String(), long), "235"},
		"64 KB in two lines":           {"AUTH XOAUTH2", "334 ", x(anna.String(), long), "235"},
		"a bad token":                  {"AUTH OAUTHBEARER " + bearer("", "x"), refusal, "AQ==", "535 5.7.8", "AUTH XOAUTH2 " + x(anna.String(), "x"), xRefusal, "", "535"},
		"somebody else's token":        {"AUTH XOAUTH2 " + x("bo@kommun.example", good), xRefusal, "", "535 5.7.8"},
		"for nobody":                   {"AUTH OAUTHBEARER " + bearer("", "token-for-dag/kommun.example"), refusal, "", "535 5.7.8"},
		"cancelled":                    {"AUTH OAUTHBEARER " + bearer("", "x"), refusal, "*", "501", "AUTH OAUTHBEARER " + bearer("", good), "235"},
		"malformed":                    {"AUTH OAUTHBEARER " + b64("x"), "501 5.5.2", "AUTH XOAUTH2 =", "501 5.5.2"},
		"the issuer is down":           {"AUTH OAUTHBEARER " + bearer("", "down"), refusal, "", "454 4.7.0"},
		"three bad ones end it":        {"AUTH OAUTHBEARER " + bearer("", "x"), refusal, "", "535", "AUTH OAUTHBEARER " + bearer("", "y"), refusal, "", "535", "AUTH OAUTHBEARER " + bearer("", "z"), refusal, "", "421"},
		"a password is still possible": {"AUTH PLAIN " + plainAuth(anna.String(), password), "235"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := g.wire(Submissions)
			w.t = t
			w.talk("", "220", "EHLO client.example", "250")
			for i := 0; i < len(row); i += 2 {
				w.say("%s", row[i])
				if got := w.reply(); !strings.HasPrefix(got, row[i+1]) {
					t.Errorf("%.60q was answered %.200q, want %q", row[i], got, row[i+1])
				}
			}
			if strings.Contains(g.log.String(), "token-for") {
				t.Error("a token is in the log")
			}
		})
	}
}

func TestTokenLoginIsOffered(t *testing.T) {
	t.Parallel()
	for want, tokens := range map[string]Tokens{"250-AUTH PLAIN LOGIN OAUTHBEARER XOAUTH2\n": issuer{}, "250-AUTH PLAIN LOGIN\n": nil} {
		w := start(t, func(o *setup) { o.Tokens = tokens }).wire(Submissions)
		w.talk("", "220")
		w.say("EHLO client.example")
		if got := w.reply(); !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
		if tokens == nil {
			w.talk("AUTH XOAUTH2 "+base64.StdEncoding.EncodeToString([]byte("x")), "504 5.5.4")
		}
	}
}

func TestDevicePasswordOnly(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.vault.MailPasswords = false })
	_, secret, err := g.vault.Directory().AddDevice(t.Context(), anna, "Outlook", anna)
	if err != nil {
		t.Fatal(err)
	}
	g.wire(Submissions).talk("", "220", "EHLO client.example", "250", "AUTH PLAIN "+plainAuth(anna.String(), password), "535 5.7.8",
		"AUTH PLAIN "+plainAuth(anna.String(), secret), "235", "MAIL FROM:<anna@kommun.example>", "250")
}

// TestLoginThatEnds: who revokes the password of a lost telephone, changes that of an account, or removes it, ends what is
// logged in with it.
func TestLoginThatEnds(t *testing.T) {
	t.Parallel()
	eva := policy.MustAddress("eva@kommun.example")
	for why, end := range map[string]func(d *vault.Directory, a *vault.Administration, device string) error{
		"changed": func(_ *vault.Directory, a *vault.Administration, _ string) error {
			return a.SetPassword(t.Context(), eva, "another long password")
		},
		"revoked": func(d *vault.Directory, _ *vault.Administration, device string) error {
			return d.RevokeDevice(t.Context(), eva, device, eva)
		},
		"removed": func(_ *vault.Directory, a *vault.Administration, _ string) error {
			return a.RemoveAccount(t.Context(), eva)
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			g := start(t, nil)
			d := g.vault.Directory()
			if err := d.PutAccount(t.Context(), vault.Account{Address: eva, Name: "Eva"}, password); err != nil {
				t.Fatal(err)
			}
			device, secret, err := d.AddDevice(t.Context(), eva, "telefon", eva)
			if err != nil {
				t.Fatal(err)
			}
			if why == "changed" {
				secret = password
			}
			const from = "MAIL FROM:<eva@kommun.example>"
			with := func(talk ...string) *wire {
				w := g.wire(Submissions)
				w.t = t
				w.talk(append([]string{"", "220", "EHLO client.example", "250", "AUTH PLAIN " + plainAuth(eva.String(), secret), "235"}, talk...)...)
				return w
			}
			mail := func(header string) *wire {
				w := with(from, "250", "RCPT TO:<cecil@ut.example>", "250", "DATA", "354")
				w.say("%s", header+"\r\n\r\na")
				return w
			}
			again := with(from, "250", "RSET", "250")
			chunks := with(from, "250", "RCPT TO:<cecil@ut.example>", "250", "BDAT 26\r\nSubject: [secure] a\r\n\r\nb", "250")
			seals, passes := mail("Subject: [secure] a"), mail("Subject: a")
			if err := end(d, g.vault.Administration("system"), device.ID); err != nil {
				t.Fatal(err)
			}
			again.talk(from, "535 5.7.8 this login has ended", "", "")
			chunks.talk("BDAT 0 LAST", "535 5.7.8 this login has ended", "", "")
			for _, w := range []*wire{seals, passes} {
				w.talk(".", "535 5.7.8 this login has ended", "", "")
			}
			g.empty()
			if n := len(g.jobs()); n > 0 {
				t.Errorf("%d notices", n)
			}
		})
	}
}
