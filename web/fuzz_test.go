package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzOurPath: wherever somebody is sent after a login, it is one of our pages.
func FuzzOurPath(f *testing.F) {
	for _, s := range []string{"/messages", "/messages/abc", "//evil.example", "/messages/../x", `/holds\x`, "/messages?x", "/receipts/%2e"} {
		f.Add(s)
	}
	base, _ := url.Parse("https://sakert.example.se/login")
	f.Fuzz(func(t *testing.T, s string) {
		to := ourPath(s)
		if to == "" {
			return
		}
		u, err := base.Parse(to)
		if err != nil || u.Host != base.Host || u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q leads to %v: %v", s, u, err)
		}
	})
}

// FuzzReadReply: whatever a form is, reading it ends, keeps to the limits and says what was wrong.
func FuzzReadReply(f *testing.F) {
	f.Add("--XXX\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\nt\r\n--XXX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhej\r\n--XXX\r\n" +
		"Content-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\nx\r\n--XXX--\r\n")
	f.Add("--XXX\r\n\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		const most = 1000
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=XXX")
		u := &upload{pace: pace{control: http.NewResponseController(httptest.NewRecorder()), now: time.Now}, from: r.Body, left: 4 * most}
		form, err := readForm(u, r, replyFields(most))
		if err != nil {
			return
		}
		if len(form.values["text"]) > 2*most || len(form.values["form"]) > 256 {
			t.Errorf("%d octets of text", len(form.values["text"]))
		}
		for range len(body) + 1 {
			p, err := form.next()
			if p == nil || err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, p); err != nil {
				return
			}
		}
		t.Error("attachments without end")
	})
}
