package client

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestSameLessTag(t *testing.T) {
	t.Parallel()
	const sent = "From: a@b.example\r\nSubject: =?utf-8?q?[s=C3=A4kert]_Beslut_om?=\r\n =?utf-8?q?_st=C3=B6d?=\r\nBcc: x@y.example\r\nTo: c@d.example\r\n\r\nHej\r\n"
	for _, row := range []struct {
		sealed string
		same   bool
		why    string
	}{
		{"From: a@b.example\r\nSubject: Beslut om =?utf-8?q?st=C3=B6d?=\r\nTo: c@d.example\r\n\r\nHej\r\n", true, "the tag is gone"},
		{sent, false, "the tag is there"},
		{"From: a@b.example\r\nSubject: Beslut\r\nTo: c@d.example\r\n\r\nHej\r\n", false, "more than the tag is gone"},
		{"From: a@b.example\r\nSubject: Beslut om =?utf-8?q?st=C3=B6d?=\r\nTo: c@d.example\r\n\r\nHej \r\n", false, "the body is another"},
		{"Subject: Beslut om =?utf-8?q?st=C3=B6d?=\r\nTo: c@d.example\r\n\r\nHej\r\n", false, "a field is missing"},
		{"From: a@b.example\r\n\r\nSubject: Beslut\r\n", false, "the subject is in the body"},
		{"From: a@b.example\r\nBcc: x@y.example\r\nSubject: Beslut om =?utf-8?q?st=C3=B6d?=\r\nTo: c@d.example\r\n\r\nHej\r\n", false, "the Bcc is there"},
	} {
		if err := SameLessTag([]byte(sent), []byte(row.sealed)); (err == nil) != row.same {
			t.Errorf("%s: %v", row.why, err)
		}
	}
}

func TestSameButReceived(t *testing.T) {
	t.Parallel()
	const sent = "From: a@b.example\r\n\r\nHej\r\n"
	for _, row := range []struct {
		passed string
		same   bool
	}{
		{"Received: from x\r\n\tby y; now\r\n" + sent, true},
		{sent, false},
		{"Received: from x\r\nReceived: from x\r\n" + sent, false},
		{"Received: from x\r\n" + sent + "x", false},
	} {
		if err := SameButReceived([]byte(sent), []byte(row.passed)); (err == nil) != row.same {
			t.Errorf("%q: %v", row.passed, err)
		}
	}
}

func TestReadHeader(t *testing.T) {
	t.Parallel()
	h, err := ReadHeader(Canonical([]byte("From: Anna <Anna@b.example>\nTo: C <c@d.example>,\n e@f.example\nCc: c@d.example\n" +
		"Subject: =?iso-8859-1?q?s=E4kert?= svar\nMessage-ID: <1@b.example>\n\nText")))
	if err != nil {
		t.Fatal(err)
	}
	if h.From.String() != "Anna@b.example" || len(h.To) != 2 || h.Tagged || h.MessageID != "1@b.example" {
		t.Errorf("%+v", h)
	}
	if h, err := ReadHeader([]byte("Broken\r\nSubject: =?iso-8859-1?q?#s=E4kert?= x\r\nTo: ;;;\r\n\r\n")); err != nil || len(h.To) != 0 || !h.Tagged {
		t.Errorf("unreadable recipients: %+v %v", h, err)
	}
	if _, err := ReadHeader([]byte("\x00\x01 no mail")); !errors.Is(err, ErrNoMail) {
		t.Errorf("what is no mail: %v", err)
	}
}

func TestBrowserFillsForms(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<form action="/search"><input name="q"></form><form method="post" action="/in" enctype="multipart/form-data">
			<input type="hidden" name="token" value="t&amp;1"><textarea name="text">
a</textarea><input type="file" name="files"><button name="b">x</button></form><p>Hej <b>du</b><a href="x?y=1">z</a></p>`)
	})
	got := make(chan string, 1)
	mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("Sec-Fetch-Site") + " " + string(b)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	b := NewBrowser(server.Client().Transport.(*http.Transport).TLSClientConfig)
	defer b.Close()
	p, err := b.Open(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if p.Text() != "a x Hej du z" || !slices.Equal(p.Links(), []string{"x?y=1"}) {
		t.Errorf("text %q, links %q", p.Text(), p.Links())
	}
	f, err := p.Form("text")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Submit(t.Context(), f, map[string]string{"nowhere": "x"}); err == nil {
		t.Error("a field was filled in that is not there")
	}
	if _, err := b.Submit(t.Context(), f, map[string]string{"text": "åäö"}, File{f.FileFields()[0], "bilaga å.txt", "text/plain", []byte("fil")}); err != nil {
		t.Fatal(err)
	}
	sent := <-got
	for _, want := range []string{"same-origin ", "t&1", "åäö", `filename="bilaga å.txt"`, "fil"} {
		if !strings.Contains(sent, want) {
			t.Errorf("no %q in %q", want, sent)
		}
	}
	if strings.Index(sent, "t&1") > strings.Index(sent, "åäö") {
		t.Error("fields are not in the page's order")
	}
}

func TestLeaks(t *testing.T) {
	t.Parallel()
	const secret = "Subject: [secure] Beslut om ditt boende\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHej!\r\n" +
		"--------------------------------\r\nDu får flytta in den första mars.\r\n--b\r\n" +
		"Content-Disposition: attachment; filename=\"hyresavtal för lägenheten.pdf\"\r\n\r\nx\r\n--b--\r\n"
	for _, row := range []struct {
		notice string
		leaks  bool
		why    string
	}{
		{"Subject: Du har ett meddelande\r\n\r\nHej!\r\n--------------------------------\r\n", false, "what stands in any mail"},
		{"Subject: Beslut om ditt boende\r\n\r\nHej!\r\n", true, "the subject"},
		{"Subject: =?utf-8?q?BESLUT_om_ditt_boende?=\r\n\r\nHej!\r\n", true, "the subject, encoded"},
		{"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nDu f=C3=A5r flytta in den f=C3=B6rsta mars.", true, "a line, encoded"},
		{"Subject: x\r\n\r\nSe hyresavtal för lägenheten.pdf\r\n", true, "a file's name"},
	} {
		if err := Leaks([]byte(row.notice), []byte(secret)); (err != nil) != row.leaks {
			t.Errorf("%s: %v", row.why, err)
		}
	}
}
