package web_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
)

// TestBccIsSeenNowhere: whoever got a mail by Bcc shows to no other recipient, on no page and in no file, neither from the
// start nor when they have answered.
func TestBccIsSeenNowhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	bo := policy.MustAddress("bo@example.com")
	s.bind(bo, otherID)
	eva := policy.MustAddress("eva@exempel.se")
	must(t, s.vault.Directory().PutAccount(t.Context(), vault.Account{Address: eva, Name: "Eva"}, password))
	v := s.staff()
	letter := append(v.newLetter(care.String(), astrid.String(), "Beslut", "Hej!"), field{"cc", eva.String()}, field{"bcc", bo.String()})
	id := sentID(t, v.writeMail(letter, upload{"beslut.txt", "text/plain", "Ja."}))
	hidden := s.person(otherID)
	hidden.get("/messages/" + id.String()).is(http.StatusOK) // who has opened it shows to the sender
	hidden.replyTo(id, hidden.form(id), "Tack, säger Bo.").is(http.StatusSeeOther)
	v.get("/messages/" + id.String()).is(http.StatusOK).has("bo@example.com")

	page := "/messages/" + id.String()
	as := s.person(astridID)
	for _, path := range []string{"/messages", page, page + "?view=plain", page + "?view=raw", page + "/raw", page + "/reply", page + "/pdf", page + "/zip"} {
		a := as.get(path).is(http.StatusOK)
		text := unpacked(t, path, a.body)
		if path != "/messages" && !strings.HasSuffix(path, "/zip") && !strings.Contains(text, "astrid@example.com") && !strings.HasSuffix(path, "/reply") {
			t.Errorf("%s does not name the one it is to: the test looks at the wrong thing", path)
		}
		if told := ofBo.FindString(text); told != "" {
			t.Errorf("%s tells of the other recipient: %q", path, told)
		}
	}
	// A colleague who got it sees no more, and takes no more along to a case system; the sender does.
	colleague := s.visitor()
	colleague.post("/staff/login", url.Values{"username": {eva.String()}, "password": {password}}).to("/messages")
	for _, path := range []string{"/messages", page, page + "/pdf", page + "/case"} {
		if told := ofBo.FindString(unpacked(t, path, colleague.get(path).is(http.StatusOK).body)); told != "" {
			t.Errorf("%s tells the colleague of the other recipient: %q", path, told)
		}
	}
	if ofBo.FindString(unpacked(t, page+"/case", v.get(page+"/case").is(http.StatusOK).body)) == "" {
		t.Error("the sender's export does not tell of the recipient by Bcc: the test looks at the wrong thing")
	}
	r, err := s.vault.Reader(t.Context(), vault.Person(astridID), vault.DoorWeb)
	must(t, err)
	defer r.Close()
	infos, err := r.Conversation(t.Context(), id)
	must(t, err)
	indexes, err := r.Indexes(t.Context(), id)
	must(t, err)
	if len(infos) != 1 || len(infos[0].Recipients) != 1 || infos[0].Recipients[0].Address.Key() != astrid.Key() || len(indexes[0].Envelope.Bcc) > 0 {
		t.Errorf("the vault gives %+v, %+v", infos, indexes[0].Envelope)
	}
}

// ofBo is what would tell of the other recipient. A boundary made at random may have the letters of Bcc in it, but not as a word.
var ofBo = regexp.MustCompile(`(?i)bo@|\bbcc\b|säger bo`)

// unpacked is all that is in an answer: what lies in a zip, and in the streams of a PDF, whose text is UTF-16. What it was
// packed as is not there, nor are fonts and colours: among so many octets made at random a word of three letters turns up.
func unpacked(t *testing.T, path, body string) string {
	t.Helper()
	var out strings.Builder
	switch {
	case strings.HasSuffix(path, "/zip"), strings.HasSuffix(path, "/case"):
		z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
		must(t, err)
		for _, f := range z.File {
			in, err := f.Open()
			must(t, err)
			b, err := io.ReadAll(in)
			must(t, err)
			fmt.Fprintln(&out, f.Name)
			fmt.Fprintln(&out, unpacked(t, strings.ReplaceAll(f.Name, ".pdf", "/pdf"), string(b)))
		}
	case strings.HasSuffix(path, "/pdf"):
		head, rest, _ := strings.Cut(body, "stream\n")
		for out.WriteString(head); rest != ""; {
			var stream string
			stream, rest, _ = strings.Cut(rest, "endstream")
			z, err := zlib.NewReader(strings.NewReader(stream))
			if err != nil {
				out.WriteString(stream)
			} else if b, err := io.ReadAll(z); err != nil {
				t.Error(err)
			} else if font, profile := bytes.HasPrefix(b, []byte{0, 1, 0, 0}), len(b) > 40 && string(b[36:40]) == "acsp"; !font && !profile {
				out.Write(bytes.ReplaceAll(b, []byte{0}, nil))
			}
			head, rest, _ = strings.Cut(rest, "stream\n")
			out.WriteString(head)
		}
	default:
		return body
	}
	return out.String()
}
