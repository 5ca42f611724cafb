package smtpd

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"sigill/policy"
	"sigill/vault"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestLogin(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	if err := g.vault.Directory().PutAccount(t.Context(), vault.Account{Address: policy.MustAddress("eva@kommun.example")}, password); err != nil {
		t.Fatal(err)
	}
	good, bad := plainAuth(anna.String(), password), plainAuth(anna.String(), "fel")
	client := 0
	for why, row := range map[string][]string{
		"PLAIN at once":                 {"AUTH PLAIN " + good, "235"},
		"PLAIN in two lines":            {"AUTH PLAIN", "334", good, "235"},
		"LOGIN":                         {"AUTH LOGIN", "334 " + b64("Username:"), b64(anna.String()), "334 " + b64("Password:"), b64(password), "235"},
		"LOGIN with the name at once":   {"AUTH LOGIN " + b64(anna.String()), "334 " + b64("Password:"), b64(password), "235"},
		"the same identity":             {"AUTH PLAIN " + b64(anna.String()+"\x00"+anna.String()+"\x00"+password), "235"},
		"another identity":              {"AUTH PLAIN " + b64(bo.String()+"\x00"+anna.String()+"\x00"+password), "535 5.7.8"},
		"wrong password":                {"AUTH PLAIN " + bad, "535 5.7.8", "AUTH PLAIN " + good, "235"},
		"three wrong ones end it":       {"AUTH PLAIN " + bad, "535 5.7.8", "AUTH LOGIN " + b64("x"), "334", b64("y"), "535 5.7.8", "AUTH PLAIN " + bad, "421 4.7.0", "", ""},
		"the third wrong one is last":   {"AUTH PLAIN " + bad, "535", "RSET", "250", "EHLO a.example", "250", "AUTH PLAIN " + bad, "535", "AUTH PLAIN " + bad, "421", "AUTH PLAIN " + good, ""},
		"no account":                    {"AUTH PLAIN " + plainAuth("nobody@kommun.example", password), "535 5.7.8"},
		"nothing":                       {"AUTH PLAIN =", "501 5.5.2", "AUTH PLAIN " + good, "235"},
		"a part too many":               {"AUTH PLAIN " + b64(anna.String()+"\x00"+anna.String()+"\x00"+password+"\x00"), "501 5.5.2"},
		"cancelled":                     {"AUTH LOGIN", "334", "*", "501"},
		"unknown mechanism":             {"AUTH CRAM-MD5", "504 5.5.4"},
		"twice":                         {"AUTH PLAIN " + good, "235", "AUTH PLAIN " + good, "503"},
		"MAIL before it":                {"MAIL FROM:<anna@kommun.example>", "530 5.7.0"},
		"own address":                   {"AUTH PLAIN " + good, "235", "MAIL FROM:<Anna@Kommun.example>", "250"},
		"function address":              {"AUTH PLAIN " + good, "235", "MAIL FROM:<familj@kommun.example>", "250"},
		"somebody else's address":       {"AUTH PLAIN " + good, "235", "MAIL FROM:<bo@kommun.example>", "553 5.7.1"},
		"an address outside":            {"AUTH PLAIN " + good, "235", "MAIL FROM:<anna@annan.example>", "553 5.7.1"},
		"null sender":                   {"AUTH PLAIN " + good, "235", "MAIL FROM:<>", "550 5.7.1"},
		"a function address's stranger": {"AUTH PLAIN " + plainAuth("eva@kommun.example", password), "235", "MAIL FROM:<familj@kommun.example>", "553 5.7.1"},
	} {
		client++ // each from an address of its own, or they would lock each other out
		ip := fmt.Sprintf("127.0.1.%d", client)
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := g.wireFrom(ip, Submissions)
			w.t = t
			w.talk(append([]string{"", "220", "EHLO client.example", "250"}, row...)...)
		})
	}
	t.Cleanup(func() {
		if strings.Contains(g.log.String(), "temporary failure") {
			t.Error("what a client says wrong is logged as a fault of ours")
		}
	})
}

func TestLoginNeedsTLS(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	w := g.wire(Submission)
	w.talk("", "220", "EHLO client.example", "250-Hello client.example\n250-PIPELINING\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-CHUNKING\n250-STARTTLS\n250-SMTPUTF8\n250-SIZE 157286401\n250 LIMITS RCPTMAX=100",
		"AUTH PLAIN "+plainAuth(anna.String(), password), "523 5.7.10", "MAIL FROM:<anna@kommun.example>", "530 5.7.0")

	// A connector offers TLS and no login.
	c := g.connect(Connector)
	if ok, _ := c.Extension("STARTTLS"); !ok {
		t.Error("no STARTTLS on the connector")
	}
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("AUTH on the connector")
	}
	w = g.wire(Connector)
	w.talk("", "220", "EHLO client.example", "250", "AUTH PLAIN "+plainAuth(anna.String(), password), "523")
}

func TestFailedLoginIsSlow(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.Limits.AuthDelay = 150 * time.Millisecond })
	c, begin := g.connect(Submissions), time.Now()
	for range 2 {
		if err := c.Auth(sasl.NewPlainClient("", anna.String(), "fel")); code(err) != "535 5.7.8" {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took < 450*time.Millisecond {
		t.Errorf("two wrong logins took %s", took)
	}
}
