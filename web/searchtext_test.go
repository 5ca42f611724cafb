package web_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sigill/vault"
	"sigill/web"
)

// lettered is one with a text of that type.
func lettered(subject, kind, text string) string {
	return strings.NewReplacer("Subject: =?utf-8?q?Beslut_om_hemtj=C3=A4nst?=", "Subject: "+subject, "text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit", kind,
		"Hej Astrid! Läs https://www.exempel.se/hemtjanst.", text).Replace(letterText)
}

func TestSearchInTexts(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := map[string]vault.MessageID{}
	for name, raw := range map[string]string{
		"plain":  lettered("plain", "text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit", "Färdtjänst beviljas."),
		"html":   lettered("html", "text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable", "<style>.dold{}</style><p>F=E4rd<b>tj&auml;nst</b>"),
		"base64": lettered("base64", "text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte("a\u0308ndring"))),
		"long":   lettered("long", "text/plain\nContent-Transfer-Encoding: 8bit", strings.Repeat("lorem ipsum\n", 100_000)+"allra sist"),
	} {
		sent[name] = s.send(raw, astrid).ID
	}
	v := s.staff()
	for _, row := range []struct {
		why   string
		form  url.Values
		found string
		notes string
	}{
		{"not unless it is asked for", url.Values{"words": {"färdtjänst"}}, "", ""},
		{"decoded, whatever the charset, tags and case", url.Values{"words": {"FÄRDTJÄNST"}, "texts": {"1"}}, "plain html", "långt"},
		{"an accent written by itself", url.Values{"words": {"ändring"}, "texts": {"1"}}, "base64", "långt"},
		{"one word in the subject, one in the text", url.Values{"words": {"plain beviljas"}, "texts": {"1"}}, "plain", "långt"},
		{"every word must be there", url.Values{"words": {"färdtjänst avslås"}, "texts": {"1"}}, "", "långt"},
		{"what is not shown is not searched", url.Values{"words": {"dold"}, "texts": {"1"}}, "", "långt"},
		{"found by the index alone", url.Values{"words": {"astrid@example.com"}, "texts": {"1"}}, "plain html base64 long", ""},
		{"the beginning of a long text", url.Values{"words": {"ipsum"}, "texts": {"1"}}, "long", ""},
		{"and not its end, which is said", url.Values{"words": {"allra sist"}, "texts": {"1"}}, "", "långt"},
		{"days hold for texts too", url.Values{"words": {"färdtjänst"}, "texts": {"1"}, "till": {"2020-01-01"}}, "", ""},
		{"no words, nothing to open", url.Values{"texts": {"1"}}, "plain html base64 long", ""},
	} {
		a := v.post("/search", row.form).is(http.StatusOK).lacks("nyaste meddelandena")
		for name, id := range sent {
			want := 0
			if strings.Contains(row.found, name) {
				want = 1
			}
			if n := strings.Count(a.body, id.String()); n != want {
				t.Errorf("%s: %s is there %d times, want %d", row.why, name, n, want)
			}
		}
		if got := strings.Contains(a.body, "genomsöktes bara början: 1."); got != (row.notes != "") {
			t.Errorf("%s: said that a long text was cut: %v", row.why, got)
		}
	}
	if n := s.eventsBy(anna, "read"); n != 0 {
		t.Errorf("%d reads in the audit by searching", n)
	}
	if n := s.eventsBy(anna, "search texts"); n != 7 {
		t.Errorf("%d searches in the audit, want one for each that looked into texts", n)
	}
	if log := strings.ToLower(s.log.String()); strings.Contains(log, "rdtj") {
		t.Error("what was looked for is in the log")
	}
}

func TestSearchInTextsIsBounded(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why    string
		limits web.Limits
		said   string // "" if all was searched
		found  bool   // the oldest of three
	}{
		{"no limit is reached", web.Limits{SearchTexts: 3}, "", true},
		{"messages", web.Limits{SearchTexts: 2}, "bara i de 2 nyaste", false},
		{"octets", web.Limits{SearchSize: 1}, "bara i de 1 nyaste", false},
		{"time", web.Limits{SearchTime: time.Nanosecond}, "bara i de 0 nyaste", false},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, row.limits)
			oldest := s.send(letterText, astrid).ID.String()
			s.send(lettered("b", "text/plain", "Nej."), astrid)
			s.send(lettered("c", "text/plain", "Nej."), astrid)
			a := s.staff().post("/search", url.Values{"words": {"Läs"}, "texts": {"1"}}).is(http.StatusOK)
			if strings.Contains(a.body, "nyaste meddelandena") != (row.said != "") || !strings.Contains(a.body, row.said) {
				t.Errorf("not said: %q", row.said)
			}
			if strings.Contains(a.body, oldest) != row.found {
				t.Errorf("found the oldest: %v", !row.found)
			}
		})
	}
}
