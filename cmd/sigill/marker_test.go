package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime/quotedprintable"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"sigill/cmd/sigill/internal/client"
	"sigill/policy"
)

// secret is something of a mail that must not be anywhere in clear.
type secret struct{ what, text string }

// forms are a text as it may lie about in a file.
func (s secret) forms() map[string][]byte {
	forms := map[string][]byte{
		"UTF-8": []byte(s.text), "hexadecimal": []byte(hex.EncodeToString([]byte(s.text))),
		"URL": []byte(url.QueryEscape(s.text)), "upper case": []byte(strings.ToUpper(s.text)), "lower case": []byte(strings.ToLower(s.text)),
	}
	var quoted bytes.Buffer
	w := quotedprintable.NewWriter(&quoted)
	_, _ = w.Write([]byte(s.text))
	_ = w.Close()
	forms["quoted-printable"] = bytes.ReplaceAll(quoted.Bytes(), []byte("=\r\n"), nil)
	forms["Q encoding"] = bytes.ReplaceAll(forms["quoted-printable"], []byte(" "), []byte("_"))
	var latin []byte
	little, big := []byte{}, []byte{}
	for _, u := range utf16.Encode([]rune(s.text)) {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
		latin = append(latin, byte(u))
	}
	forms["UTF-16LE"], forms["UTF-16BE"], forms["Latin-1"] = little, big, latin
	for before := range 3 { // a text may begin anywhere in a group of three octets
		padded := append(bytes.Repeat([]byte{0}, before), s.text...)
		whole := padded[:len(padded)/3*3]
		text := base64.StdEncoding.EncodeToString(whole)
		forms[fmt.Sprintf("base64 %d", before)] = []byte(text[min(len(text), (before+2)/3*4):])
	}
	return forms
}

// clear tells in which form a text is in some octets, "" if in none.
func (s secret) clear(octets []byte) string {
	looked := spread(octets)
	for form, text := range s.forms() {
		for _, b := range looked {
			if bytes.Contains(b, text) {
				return form
			}
		}
	}
	return ""
}

// spread gives octets to look at: as they are, and without line ends, since encodings of mail break lines anywhere. Of
// the zeros that a file ends in a few are left.
func spread(octets []byte) [2][]byte {
	zeros := make([]byte, 4096)
	for bytes.HasSuffix(octets, zeros) { // by the page, which is quick under the race detector
		octets = octets[:len(octets)-len(zeros)+1]
	}
	joined := octets
	for _, end := range []string{"=\r\n", "\r\n", "\n"} {
		joined = bytes.ReplaceAll(joined, []byte(end), nil)
	}
	return [2][]byte{octets, joined}
}

func TestSecretIsFoundInEveryForm(t *testing.T) {
	t.Parallel()
	s := secret{"planted", "Överraskning i kärnhuset 4711"}
	for form, text := range s.forms() {
		if len(text) < 16 || s.clear(append([]byte("before "), text...)) == "" {
			t.Errorf("%s: %q", form, text)
		}
	}
	for before := range 3 {
		padded := strings.Repeat("x", before) + s.text + "after"
		text := base64.StdEncoding.EncodeToString([]byte(padded))
		if s.clear([]byte(text)) == "" || s.clear([]byte(text[:9]+"\r\n"+text[9:])) == "" {
			t.Errorf("not found in base64 after %d octets", before)
		}
	}
	if form := s.clear([]byte("Överraskning i ett annat kärnhus")); form != "" {
		t.Errorf("found in something else as %s", form)
	}
}

// markedMail has a secret in every place a mail has.
const markedMail = `From: "Anna Markörsson Gränsfall" <anna.andersson@exempelkommun.example>
To: "Signe Markördotter Vinterhamn" <signe@okand.example>
Subject: =?utf-8?q?=5Bs=C3=A4kert=5D_Mark=C3=B6r=C3=A4mne_om_v=C3=A5rdnadstvist?=
Message-ID: <%s@exempelkommun.example>
X-Marker: falthuvudets markör kastanjeträd
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=gräns

--gräns
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Brödtextens markör är rävspår i nysnön.

--gräns
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="Filnamnets markör lingonris.bin"
Content-Transfer-Encoding: base64

QmlsYWdhbnMgbWFya8O2ciDDpHIgdHJhbmLDpHIgb2NoIG15cnVsbC4=
--gräns--
`

// TestNothingInClear sends a mail with marked words the whole way and then looks for them where nothing may be in clear:
// in every file of the state, in the log at debug level, and in what left the gateway.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	signe := policy.MustPersonID("199908072391")
	secrets := []secret{
		{"subject", "Markörämne om vårdnadstvist"}, {"sender's name", "Anna Markörsson Gränsfall"},
		{"recipient's name", "Signe Markördotter Vinterhamn"}, {"header field", "falthuvudets markör kastanjeträd"},
		{"text", "Brödtextens markör är rävspår i nysnön"}, {"file name", "Filnamnets markör lingonris"},
		{"file", "Bilagans markör är tranbär och myrull"}, {"reply", "Svarets markör är blåklockor i diket"},
		{"reply's file name", "Svarsfilens markör hjortronmyr"}, {"reply's file", "Svarsfilens innehåll är kvittblom"},
		{"identity number", "199908072391"}, {"identity number", "9908072391"}, {"identity number", "990807-2391"},
		{"answer", "Återsvarets markör är svartvinbär"},
	}
	s := newScene(filepath.Join(t.TempDir(), "state"))
	playMarked(t, s, signe)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	files := 0
	look := func(where string, octets []byte) {
		files++
		for _, secret := range secrets {
			if form := secret.clear(octets); form != "" {
				t.Errorf("%s holds the %s as %s", where, secret.what, form)
			}
		}
	}
	look("the log", s.log.Bytes())
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		octets, err := os.ReadFile(path)
		look(path, octets)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 || len(s.log.Bytes()) == 0 {
		t.Errorf("only %d places were looked at", files)
	}
}

func playMarked(t *testing.T, s *scene, signe policy.PersonID) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			_ = s.stop()
			t.Fatal(err)
		}
	}
	submit := func(name, mail string, to ...string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), name)
		check(os.WriteFile(file, []byte(mail), 0o600))
		code, text, err := s.submit("anna", file, "", to)
		check(err)
		if code != 250 {
			check(fmt.Errorf("%d %s", code, text))
		}
	}
	check(s.start(0))
	submit("marked.eml", fmt.Sprintf(markedMail, "markt-1"))
	_, err := s.next("anna.andersson@exempelkommun.example")
	check(err)
	anna, _ := staffCalled("anna")
	hold, err := s.staffAt(ctx, s.browserOf("anna"), anna, s.stage.places.Web+s.link)
	check(err)
	check(s.complete(ctx, s.browserOf("anna"), hold, func(string) string { return signe.Digits() }))
	_, err = s.next("signe@okand.example")
	check(err)
	page, err := s.follow(ctx, s.browserOf("signe"), s.stage.places.Web+s.link, signe)
	check(err)
	check(isMessage(page))
	_, err = s.download(ctx, s.browserOf("signe"), page, "/raw")
	check(err)
	receipt, err := s.reply(ctx, s.browserOf("signe"), page, "Svarets markör är blåklockor i diket.", client.File{
		Name: "Svarsfilens markör hjortronmyr.txt", Type: "text/plain", Content: []byte("Svarsfilens innehåll är kvittblom."),
	})
	check(err)
	_, err = s.written(ctx, s.browserOf("signe"), receipt)
	check(err)
	_, err = s.next("signe@okand.example") // that the reply came in
	check(err)
	_, err = s.next("anna.andersson@exempelkommun.example")
	check(err)
	inbox, err := s.account(anna).Fetch(ctx, "INBOX")
	check(err)
	if len(inbox) != 1 {
		check(fmt.Errorf("%d messages in the inbox", len(inbox)))
	}
	submit("back.eml", "From: anna.andersson@exempelkommun.example\nSubject: Re: Svar\nMessage-ID: <markt-2@exempelkommun.example>\nIn-Reply-To: <"+
		inbox[0].MessageID+">\nContent-Type: text/plain; charset=utf-8\n\nÅtersvarets markör är svartvinbär.\n", "signe@okand.example")
	_, err = s.next("signe@okand.example")
	check(err)
	_, err = s.follow(ctx, s.browserOf("signe"), s.stage.places.Web+s.link, signe)
	check(err)
}
