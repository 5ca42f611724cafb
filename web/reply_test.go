package web_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sigill/vault"
	"sigill/web"
)

// inbox is what lies in the function address's inbox, oldest first.
func (s *stage) inbox() (out []string) {
	s.t.Helper()
	r, err := s.vault.Reader(s.t.Context(), vault.Staff(anna), vault.DoorIMAP)
	must(s.t, err)
	defer r.Close()
	boxes, err := r.Mailboxes(s.t.Context())
	must(s.t, err)
	for _, box := range boxes {
		if !box.Shared || box.Role != vault.Inbox {
			continue
		}
		entries, err := r.Entries(s.t.Context(), box.ID, 1, 1<<31)
		must(s.t, err)
		for _, e := range entries {
			contents, err := r.Open(s.t.Context(), e.Message)
			must(s.t, err)
			b := make([]byte, contents[0].Size())
			if _, err := contents[0].ReadAt(b, 0); err != nil && err != io.EOF {
				s.t.Fatal(err)
			}
			contents[0].Close()
			out = append(out, string(b))
		}
	}
	return out
}

func TestReply(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.person(astridID)
	v.get("/messages/"+sent.ID.String()+"/reply").is(http.StatusOK).has("hemtjanst@exempel.se", "Högst 20 filer och 25 MB", "efter 30 minuter")
	files := []upload{
		{"Läkarintyg å ä ö.pdf", "application/pdf", "%PDF-1.4\r\n\x00\xff" + strings.Repeat("binary\x80", 40_000)},
		{"vidarebefordrat.eml", "message/rfc822", "Subject: x\r\n\r\n.\r\n--XX\r\n"},
		{"tom.txt", "text/plain", ""},
	}
	text := "Hej!\r\n.\r\n=E4 är inte kodat\r\nFrom mig\r\n" + strings.Repeat("lång rad ", 200) + "\r\n  slut  \r\n"
	before := time.Now()
	a := v.replyTo(sent.ID, v.form(sent.ID), text, files...).is(http.StatusSeeOther)
	receipt := v.follow(a).is(http.StatusOK).has("Ditt svar har kommit in till Exempels kommun", "Sv: Beslut om hemtjänst", "hemtjanst@exempel.se")
	id := strings.TrimPrefix(receipt.path, "/receipts/")
	at := first(receipt.body, `<time datetime="([^"]+)"`)
	when, err := time.Parse(time.RFC3339, at)
	if err != nil || when.Before(before.Add(-2*time.Second)) || when.After(time.Now()) {
		t.Errorf("the receipt says %s", at)
	}
	if !regexp.MustCompile(`\d+ (januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december) \d{4} kl\. \d\d\.\d\d\.\d\d<`).MatchString(receipt.body) {
		t.Error("no time with seconds on the receipt:\n" + receipt.body)
	}
	checkMail(t, s, s.inbox(), text, files)
	status(t, s, sent.ID, vault.Replied)
	v.get("/messages/"+id).is(http.StatusOK).has("/receipts/"+id, "Läkarintyg å ä ö.pdf", "tom.txt").lacks("/messages/" + id + "/reply")
	v.get("/messages").has("Du svarade hemtjanst@exempel.se")
	v.get("/messages/" + id + "/reply").is(http.StatusForbidden).has("går inte att svara på")
	v.get("/receipts/" + sent.ID.String()).is(http.StatusNotFound)
	v.get("/messages/"+sent.ID.String()).has("Konversation", "/messages/"+id)
	s.staff().get("/messages/"+id).is(http.StatusOK).has("astrid@example.com", "Hej!")
}

// checkMail reads the one mail with the standard library and compares every octet.
func checkMail(t *testing.T, s *stage, got []string, text string, files []upload) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("%d mails in the inbox, want 1", len(got))
	}
	for line := range strings.SplitSeq(got[0], "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("not a line of RFC 5322: %q", line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(got[0]))
	must(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	must(t, err)
	for _, row := range [][2]string{
		{m.Header.Get("From"), "<astrid@example.com>"}, {m.Header.Get("To"), "<hemtjanst@exempel.se>"},
		{subject, "Sv: Beslut om hemtjänst"}, {m.Header.Get("In-Reply-To"), "<letter@exempel.se>"},
		{m.Header.Get("References"), "<first@exempel.se> <letter@exempel.se>"}, {m.Header.Get("MIME-Version"), "1.0"},
	} {
		if row[0] != row[1] {
			t.Errorf("header has %q, want %q", row[0], row[1])
		}
	}
	if _, err := m.Header.Date(); err != nil {
		t.Error(err)
	}
	if !regexp.MustCompile(`^<[A-Z2-7]{26}@127\.0\.0\.1>$`).MatchString(m.Header.Get("Message-ID")) {
		t.Errorf("Message-ID is %q", m.Header.Get("Message-ID"))
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	must(t, err)
	parts := multipart.NewReader(m.Body, params["boundary"])
	p, err := parts.NextRawPart()
	must(t, err)
	b, err := io.ReadAll(quotedprintable.NewReader(p))
	must(t, err)
	if string(b) != text {
		t.Errorf("the text is %q, want %q", b, text)
	}
	for _, f := range files {
		p, err := parts.NextRawPart()
		must(t, err)
		b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		must(t, err)
		if p.FileName() != f.name || !bytes.Equal(b, []byte(f.content)) {
			t.Errorf("%q came out as %q with %d octets of %d", f.name, p.FileName(), len(b), len(f.content))
		}
		if f.kind == "message/rfc822" && p.Header.Get("Content-Type") != "application/octet-stream" {
			t.Error("RFC 2046 section 5.2.1 forbids base64 for message/rfc822")
		}
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		t.Error(err)
	}
}

func TestReplyWithoutFiles(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.person(astridID)
	v.follow(v.replyTo(sent.ID, v.form(sent.ID), "Tack!")).is(http.StatusOK)
	got := s.inbox()
	if len(got) != 1 || !strings.Contains(got[0], "\r\nContent-Type: text/plain; charset=utf-8\r\n") || !strings.HasSuffix(got[0], "\r\n\r\nTack!\r\n") {
		t.Errorf("got %q", got)
	}
}

// TestReplyOnce: however often a form is sent, and at the same time, one reply comes of it.
func TestReplyOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.person(astridID)
	token := v.form(sent.ID)
	places := make([]string, 6)
	var group sync.WaitGroup
	for i := range places {
		group.Go(func() {
			places[i] = v.replyTo(sent.ID, token, "Tack!", upload{"a.txt", "text/plain", strings.Repeat("x", 300_000)}).Header.Get("Location")
		})
	}
	group.Wait()
	for _, p := range places {
		if p != places[0] || !strings.HasPrefix(p, "/receipts/") {
			t.Errorf("%q and %q", places[0], p)
		}
	}
	if n := len(s.inbox()); n != 1 {
		t.Errorf("%d mails came of one form", n)
	}
	if v.replyTo(sent.ID, v.form(sent.ID), "Tack igen!").Header.Get("Location") == places[0] {
		t.Error("another form gave the same receipt")
	}
}

func TestReplyRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{ReplySize: 2 << 20, ReplyText: 100, Files: 2})
	sent := s.send(letterText, astrid)
	other := s.send(letterText, astrid)
	v := s.person(astridID)
	big := strings.Repeat("x", 1<<20)
	rows := []struct {
		name   string
		token  string
		text   string
		files  []upload
		status int
		says   string
		field  string
	}{
		{"empty", v.form(sent.ID), " \r\n", nil, http.StatusUnprocessableEntity, "Skriv ett svar", "text"},
		{"long text", v.form(sent.ID), strings.Repeat("y", 101), nil, http.StatusRequestEntityTooLarge, "Texten är för lång", "text"},
		{"files over the limit", v.form(sent.ID), "min text", []upload{{"a", "a/b", big}, {"b", "a/b", big + "x"}}, http.StatusRequestEntityTooLarge, "för stora tillsammans", "files"},
		{"far over the limit", v.form(sent.ID), "min text", []upload{{"a", "a/b", strings.Repeat(big, 12)}}, http.StatusRequestEntityTooLarge, "för stora tillsammans", "files"},
		{"too many files", v.form(sent.ID), "min text", []upload{{"a", "a/b", "1"}, {"b", "a/b", "2"}, {"c", "a/b", "3"}}, http.StatusRequestEntityTooLarge, "Filerna är för många", "files"},
		{"no token", "", "min text", nil, http.StatusConflict, "varit öppen för länge", "text"},
		{"token of another message", v.form(other.ID), "min text", nil, http.StatusConflict, "varit öppen för länge", "text"},
		{"made-up token", strings.Repeat("A", 75), "min text", nil, http.StatusConflict, "varit öppen för länge", "text"},
	}
	for _, row := range rows {
		a := v.replyTo(sent.ID, row.token, row.text, row.files...)
		if a.StatusCode != row.status {
			t.Errorf("%s: status %d", row.name, a.StatusCode)
		}
		a.has(row.says, `href="#`+row.field+`"`, `aria-invalid="true"`, strings.TrimSpace(row.text)+"</textarea>", "Svaret är inte skickat")
		if told := strings.Contains(a.body, "Välj filerna på nytt"); told != (row.files != nil) {
			t.Errorf("%s: told to choose the files again: %t", row.name, told)
		}
	}
	old := v.form(sent.ID)
	for range 30 {
		s.clock.pass(17 * time.Minute)
		v.get("/messages")
	}
	v = s.person(astridID)
	v.replyTo(sent.ID, old, "min text").is(http.StatusConflict)

	r := v.request("POST", "/messages/"+sent.ID.String()+"/reply", strings.NewReader("text=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.do(r).is(http.StatusBadRequest)
	cut := multipartForm(v.form(sent.ID), "min text", upload{"a", "a/b", "halva"})
	r = v.request("POST", "/messages/"+sent.ID.String()+"/reply", strings.NewReader(cut[:len(cut)-12]))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=XXX")
	v.do(r).is(http.StatusBadRequest)

	s.person(otherID).replyTo(sent.ID, "x", "hej").is(http.StatusNotFound)
	s.staff().replyTo(sent.ID, "x", "hej").is(http.StatusNotFound)
	if n := len(s.inbox()); n != 0 {
		t.Errorf("%d mails came of refused replies", n)
	}
	if n := s.events("reply", "ok"); n != 0 {
		t.Errorf("%d replies in the audit", n)
	}
}

// TestReplyLoggedOut: who wrote for too long gets the text back.
func TestReplyLoggedOut(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.person(astridID)
	token := v.form(sent.ID)
	s.clock.pass(31 * time.Minute)
	v.replyTo(sent.ID, token, "Lång text <b>", upload{"a.txt", "text/plain", "x"}).is(http.StatusForbidden).
		has("Det du skrev är inte skickat", "Lång text &lt;b&gt;</textarea>", "/login?to="+strings.ReplaceAll(url.QueryEscape("/messages/"+sent.ID.String()+"/reply"), "%2F", "%2f"))
	if n := len(s.inbox()); n != 0 {
		t.Errorf("%d mails", n)
	}
}
