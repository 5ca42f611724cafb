package demo

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, m *Mailbox, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(b)
}

func TestMailboxShowsWithoutTrusting(t *testing.T) {
	t.Parallel()
	s, err := OpenSink("")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.keep(Mail{From: "kommun@a.example", To: []string{"p@b.example"}, Data: []byte(
		"Subject: =?utf-8?q?S=C3=A4kert_<b>meddelande</b>?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
			"Läs på https://127.0.0.1:1/m/abc.\r\n<script>alert(1)</script> javascript:alert(1)\r\n")}); err != nil {
		t.Fatal(err)
	}
	m := NewMailbox(s)
	_, list := get(t, m, "/")
	if !strings.Contains(list, "Säkert &lt;b&gt;meddelande") || !strings.Contains(list, `href="/mail/1`) {
		t.Errorf("list: %s", list)
	}
	if _, other := get(t, m, "/?to=nobody@b.example"); strings.Contains(other, "/mail/1") {
		t.Error("another's mail is in the list")
	}
	_, mail := get(t, m, "/mail/1?lang=en")
	for _, want := range []string{`<a href="https://127.0.0.1:1/m/abc">https://127.0.0.1:1/m/abc</a>.`, "&lt;script&gt;", `lang="en"`} {
		if !strings.Contains(mail, want) {
			t.Errorf("no %q in %s", want, mail)
		}
	}
	if strings.Contains(mail, "<script") || strings.Contains(mail, `href="javascript`) {
		t.Errorf("not escaped: %s", mail)
	}
	if status, _ := get(t, m, "/mail/2"); status != 404 {
		t.Errorf("a mail that is not there: %d", status)
	}
}
