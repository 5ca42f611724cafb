package imapd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// scanner takes some words for malware, and gives no verdict on others.
type scanner struct{}

func (scanner) Scan(_ context.Context, r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, 64<<10)) // some tests have very large messages
	switch {
	case bytes.Contains(b, []byte("malware of the test")):
		return "Test.Virus", err
	case bytes.Contains(b, []byte("no verdict of the test")):
		return "", errors.New("no verdict")
	}
	return "", err
}

// replied puts a suspect reply into Bo's mailbox, and a message like others.
func replied(f *fixture) vault.Receipt {
	kim := policy.MustPersonID("199908072391")
	f.must(f.vault.Directory().PutBinding(f.Context(), vault.Binding{Address: policy.MustAddress("kim@medborgare.example"), Person: kim, Verified: time.Now()}))
	sent := f.deposit(crlf("From: bo@kommun.example\nSubject: ett\n\ntext\n"), anna, policy.MustAddress("kim@medborgare.example"))
	r, err := f.vault.Reader(f.Context(), vault.Person(kim), vault.DoorWeb)
	f.must(err)
	defer r.Close()
	w, _, err := r.Reply(f.Context(), sent.ID)
	f.must(err)
	_, err = io.WriteString(w, crlf("From: kim@medborgare.example\nTo: anna@kommun.example\nSubject: svar\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"+
		"--b\n\nhemlig text\n--b\nContent-Disposition: attachment; filename=hemlig.doc\n\nmalware of the test\n--b--\n"))
	f.must(err)
	receipt, err := w.Commit(f.Context())
	f.must(err)
	f.deposit(crlf("From: bo@kommun.example\nSubject: två\n\ntext\n"), bo)
	return receipt
}

// A mail program gets a link in place of a message that may be malware, and every other message as it is.
func TestSuspectMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, stubbed, func(c *Config) { c.Stubs.Networks = nil })
	receipt := replied(f)
	w := f.login(bo)
	w.ok("SELECT INBOX")
	all := w.ok("FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
	if !strings.Contains(all, "$SigillSuspect") || !strings.Contains(all, "https://sakert.kommun.example/messages/"+receipt.ID.String()) || !strings.Contains(all, "Subject: två") {
		t.Errorf("%s", all)
	}
	for _, item := range []string{"BODY[]", "RFC822", "RFC822.TEXT", "BODY[2]", "BODY[TEXT]<10.900>", "BODY[2.MIME]", "ENVELOPE"} {
		w.send("a FETCH 1 (%s)\r\n", item)
		all += w.response()
	}
	if strings.Contains(all, "malware of") || strings.Contains(all, "hemlig") {
		t.Errorf("%s", all)
	}
	w.ok("UID COPY 1 Archive")
	w.ok("STORE 1 -FLAGS ($SigillSuspect)")
	if got := w.ok("SEARCH KEYWORD $SigillSuspect UNSEEN TEXT kontrolleras"); !strings.Contains(got, "SEARCH 1") {
		t.Errorf("%q: the mark stays, and what was given in its place was not the message", got)
	}
	w.ok("SELECT Archive")
	if got := w.ok("FETCH 1 (BODY[])"); strings.Contains(got, "malware of") || !strings.Contains(got, "https://") {
		t.Errorf("%s", got)
	}
}

func TestSuspectAppend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	for text, want := range map[string]string{
		"the malware of the test": "z NO [CANNOT] The message was not stored, malware was found in it: Test.Virus",
		"no verdict of the test":  "z NO [UNAVAILABLE] The malware scanner does not answer",
		"a draft":                 "z OK [APPENDUID",
	} {
		raw := "Subject: utkast\r\n\r\n" + text
		w.send("%s", fmt.Sprintf("z APPEND Drafts {%d+}\r\n%s\r\n", len(raw), raw))
		if got := w.response(); !strings.Contains(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}
