package imapd

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"sigill/vault"
)

// issuer vouches for whoever a token names, padded with dots.
type issuer struct{}

func (issuer) Verify(_ context.Context, token string) (string, error) {
	address, ok := strings.CutPrefix(strings.TrimRight(token, "."), "token-for-")
	if !ok {
		return "", vault.ErrBadCredentials
	}
	return strings.ReplaceAll(address, "/", "@"), nil
}

func TestTokenLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Tokens = issuer{} })
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	bearer := func(token string) string { return b64("n,,\x01auth=Bearer " + token + "\x01\x01") }
	x := func(user, token string) string { return b64("user=" + user + "\x01auth=Bearer " + token + "\x01\x01") }
	const good = "token-for-anna/kommun.example"
	refusal := "+ " + b64(`{"status":"invalid_token","schemes":"bearer"}`)
	xRefusal := "+ " + b64(`{"status":"401","schemes":"bearer"}`)
	for why, row := range map[string][]string{
		"offered":                   {"a CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR LITERAL- AUTH=PLAIN AUTH=OAUTHBEARER AUTH=XOAUTH2", "", "a OK"},
		"OAUTHBEARER":               {"a AUTHENTICATE OAUTHBEARER " + bearer(good), "a OK", "b SELECT INBOX", "* "},
		"OAUTHBEARER in two lines":  {"a AUTHENTICATE OAUTHBEARER", "+ ", bearer(good), "a OK"},
		"XOAUTH2":                   {"a AUTHENTICATE XOAUTH2 " + x(anna.String(), good), "a OK"},
		"a long token":              {"a AUTHENTICATE XOAUTH2 " + x(anna.String(), good+strings.Repeat(".", 30_000)), "a OK"},
		"a bad token, then another": {"a AUTHENTICATE OAUTHBEARER " + bearer("x"), refusal, "AQ==", "a NO [AUTHENTICATIONFAILED]", "b AUTHENTICATE XOAUTH2 " + x(anna.String(), "x"), xRefusal, "", "b NO [AUTHENTICATIONFAILED]"},
		"somebody else's token":     {"a AUTHENTICATE XOAUTH2 " + x(bo.String(), good), xRefusal, "", "a NO [AUTHENTICATIONFAILED]"},
		"malformed":                 {"a AUTHENTICATE OAUTHBEARER " + b64("x"), "a BAD"},
		"unknown":                   {"a AUTHENTICATE CRAM-MD5", "a NO"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := f.dial()
			for i := 0; i < len(row); i += 2 {
				if row[i] != "" || strings.HasPrefix(row[i+1], "b NO") || strings.HasPrefix(row[i+1], "a NO") {
					w.send("%s\r\n", row[i])
				}
				if got := w.response(); !strings.HasPrefix(got, row[i+1]) {
					t.Errorf("%.60q was answered %.200q, want %q", row[i], got, row[i+1])
				}
			}
		})
	}
}
