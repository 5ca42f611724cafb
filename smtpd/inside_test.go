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

const sealedOnce = "Message-ID: <sealed@kommun.example>\r\nSubject: Beslut [secure]\r\n\r\nHemligt\r\n"

// with is a mail with a part of this header and body behind a text.
func with(part, text string) string {
	return "Subject: Fwd\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + text + "\r\n--b\r\n" + part + "\r\n--b--\r\n"
}

// A sealed message does not go on as an attachment of another mail in clear.
func TestSealedMessageAttached(t *testing.T) {
	t.Parallel()
	const sealed = "Message-ID: <sealed@kommun.example>\r\nSubject: Beslut\r\n\r\nHemligt\r\n"
	const eml = "Content-Type: application/octet-stream; name=\"Beslut.eml\"\r\n"
	long := strings.Repeat("En rad till.\r\n", 5000)
	coded := base64.StdEncoding.EncodeToString([]byte(sealed))
	deep := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 60)
	for _, row := range []struct {
		why, mail string
		to        policy.Address
		want      string
	}{
		{"an attached message", with("Content-Type: message/rfc822\r\n\r\n"+sealed, "Se"), cecil, "sealed as"},
		{"for somebody unknown", with("Content-Type: message/rfc822\r\n\r\n"+sealed, "Se"), dag, "held as"},
		{"a file", with(eml+"Content-Transfer-Encoding: base64\r\n\r\n"+coded, "Se"), cecil, "sealed as"},
		{"an answer in its conversation", with("Content-Type: message/rfc822\r\n\r\nReferences: <a@b> <sealed@kommun.example>\r\n\r\nx\r\n", "Se"), cecil, "sealed as"},
		{"behind a text that is longer than what is read ahead", with("Content-Type: message/rfc822\r\n\r\n"+sealed, long), cecil, "550 5.7.1*tag it as secure*(rule: sealed message attached)"},
		{"another message", with("Content-Type: message/rfc822\r\n\r\nMessage-ID: <other@kommun.example>\r\n\r\nx\r\n", "Se"), cecil, "passed"},
		{"another message behind a long text", with("Content-Type: message/rfc822\r\n\r\nMessage-ID: <other@kommun.example>\r\n\r\nx\r\n", long), cecil, "passed"},
		{"packed too deep", deep + "\r\nx", cecil, "sealed as"},
		{"packed too deep behind a long text", with(deep+"\r\nx", long), cecil, "550 5.7.1*packed too deep*(rule: too long to look through)"},
		{"a multipart without a boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n", cecil, "passed"},
		{"a text that tells of a header", "Subject: x\r\n\r\nMessage-ID: <sealed@kommun.example>\r\n", cecil, "passed"},
		{"with the tag", strings.Replace(with("Content-Type: message/rfc822\r\n\r\n"+sealed, long), "Fwd", "Fwd [secure]", 1), cecil, "sealed as"},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			g := start(t, func(o *setup) { o.Limits.Ahead = 32 << 10 })
			if _, err := g.send(sealedOnce, bo); err != nil {
				t.Fatal(err)
			}
			reply, err := g.send(row.mail, row.to)
			got := code(err)
			if err != nil {
				got += " " + err.Error()
			} else {
				got = reply.StatusText
			}
			passed := g.upstream.Mails()
			if row.want == "passed" {
				if err != nil || len(passed) != 1 || !strings.HasSuffix(string(passed[0].Data), row.mail) {
					t.Errorf("%q, %d passed on, or not as they came", got, len(passed))
				}
				return
			}
			if len(passed) > 0 {
				t.Errorf("%d mails passed on", len(passed))
			}
			for part := range strings.SplitSeq(row.want, "*") {
				if !strings.Contains(got, part) {
					t.Errorf("%q, want %q", got, row.want)
				}
			}
			if kept := strings.Join(g.sealed(vault.Staff(anna)), ""); row.to == cecil && err == nil &&
				!strings.Contains(kept, strings.Replace(row.mail, " [secure]", "", 1)) {
				t.Errorf("not stored as it came, less the tag: %.300q", kept)
			}
		})
	}
}

// Rules about content and messages inside are looked for in one go.
func TestAttachedBesideContent(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) {
		o.Rules.List = []policy.Rule{{Name: "words", Action: policy.ActionRefuse, Advice: "no", When: []policy.Condition{policy.Contains{Words: []string{"orosanmälan"}}}}}
	})
	if _, err := g.send(sealedOnce, bo); err != nil {
		t.Fatal(err)
	}
	if reply, err := g.send(with("Content-Type: message/rfc822\r\n\r\n"+sealedOnce, "x"), cecil); err != nil || !strings.Contains(reply.StatusText, "sealed as") {
		t.Errorf("%v %v", reply, err)
	}
	if _, err := g.send(with("Content-Type: text/plain; charset=utf-8\r\n\r\norosanmälan", "x"), cecil); err == nil || !strings.Contains(err.Error(), "rule: words") {
		t.Errorf("%v", err)
	}
	if _, err := g.send(with("Content-Type: text/plain\r\n\r\nx", "x"), cecil); err != nil || len(g.upstream.Mails()) != 1 {
		t.Errorf("%v, %d passed on", err, len(g.upstream.Mails()))
	}
}

// forgetful fails when it is asked of messages inside a mail.
type forgetful struct{ knowledge }

func (f forgetful) Answers(ctx context.Context, ids []string) (bool, error) {
	if len(ids) > 0 {
		return false, errors.New("no disk")
	}
	return f.knowledge.Answers(ctx, ids)
}

// While nobody can tell, nothing passes; without room to read ahead a mail still does not pass with a sealed message.
func TestAttachedFailsClosed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("En rad till.\r\n", 5000)
	for _, text := range []string{"x", long} {
		g := start(t, func(o *setup) {
			o.Limits.Ahead = 32 << 10
			o.server = func(s *Server) { s.knowledge = forgetful{s.knowledge} }
		})
		if _, err := g.send(with("Content-Type: message/rfc822\r\n\r\n"+sealedOnce, text), cecil); !strings.HasPrefix(code(err), "451") {
			t.Errorf("%v", err)
		}
		g.empty()
	}
	g := start(t, func(o *setup) {
		o.server = func(s *Server) { s.memory.TryAcquire(s.limits.InsideAll) }
	})
	if _, err := g.send(sealedOnce, bo); err != nil {
		t.Fatal(err)
	}
	if _, err := g.send(with("Content-Type: message/rfc822\r\n\r\n"+sealedOnce, long), cecil); code(err) != "550 5.7.1" || len(g.upstream.Mails()) != 0 {
		t.Errorf("%v, %d passed on", err, len(g.upstream.Mails()))
	}
}
