package smtpd

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// whoVerifies is a session that knows one key, and all of it that verifying takes.
func whoVerifies(record string) *session {
	dns := zone{"s._domainkey.kommun.example": record}
	return &session{server: &Server{lookupTXT: dns.lookup, domains: map[string]bool{"kommun.example": true}}, log: slog.New(slog.DiscardHandler)}
}

var signingKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

const signedText = "From: anna@kommun.example\r\nSubject: Hej\r\n\r\nText.\r\n"

func signedBy(t testing.TB, mail string, c dkim.Canonicalization) string {
	var out strings.Builder
	if err := dkim.Sign(&out, strings.NewReader(mail), &dkim.SignOptions{Domain: "kommun.example", Selector: "s", Signer: signingKey,
		HeaderKeys: []string{"From", "Subject"}, HeaderCanonicalization: c, BodyCanonicalization: c}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func recordOf(key ed25519.PrivateKey) string {
	return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// readSigned reads a mail as a session on such a connector does.
func readSigned(s *session, raw string) error {
	m, err := readHeader(strings.NewReader(raw), 64<<10)
	if err != nil {
		return err
	}
	defer m.free()
	m, stop := s.signed(context.Background(), m)
	defer stop()
	if m.fault != "" {
		return errUnsigned
	}
	_, err = io.Copy(io.Discard, m.rest)
	return err
}

// A panic of the library on a mail, or on a key, ends that mail and nothing else.
func TestVerifierPanics(t *testing.T) {
	t.Parallel()
	s := whoVerifies("")
	s.server.lookupTXT = func(context.Context, string) ([]string, error) { panic("on purpose") }
	mail := signedBy(t, signedBy(t, signedText, dkim.CanonicalizationRelaxed), dkim.CanonicalizationRelaxed)
	if err := readSigned(s, mail); err != errUnsigned {
		t.Error(err)
	}
}

// FuzzSigned hands any mail and any key to the verifier. Whatever they are, it ends; and a mail whose text is not the one
// that was signed never passes under the true key.
func FuzzSigned(f *testing.F) {
	key := recordOf(signingKey)
	for _, c := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
		one := signedBy(f, signedText, c)
		f.Add(one, key)
		f.Add(signedBy(f, one, c), key)
		f.Add(one, strings.Replace(key, "ed25519", "rsa", 1))
		f.Add(strings.Replace(one, "Text", "Texx", 1), key+"; s=email:*; h=sha256; t=s:y; n=x")
	}
	f.Add("DKIM-Signature: v=1; a=rsa-sha256; d=kommun.example; s=s; h=From:Subject; c=simple/relaxed; q=dns/txt; t=1; x=9; i=@x.kommun.example; l=1; bh=; b=\r\n"+signedText, "p=MEgCQQ==")
	f.Fuzz(func(t *testing.T, raw, record string) {
		err := readSigned(whoVerifies(record), raw)
		if err != nil || record != key {
			return
		}
		_, body, _ := strings.Cut(raw, "\r\n\r\n")
		if strings.Join(strings.Fields(body), " ") != "Text." {
			t.Errorf("it holds for %q", raw)
		}
	})
}
