package imapd

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// goodMails are well formed, so the library's own reading of them is right.
var goodMails = map[string]string{
	"plain": mail("plain"),
	"no body": crlf(`From: bo@kommun.example
Subject: tomt

`),
	"alternative with attachment": crlf(`From: "Ek, Bo" <bo@kommun.example>
To: Anna <anna@kommun.example>, omsorg@kommun.example
Cc: Cilla <cilla@kommun.example>
Reply-To: omsorg@kommun.example
Subject: =?utf-8?q?Bilaga_f=C3=B6r_dig?=
Date: Tue, 24 Nov 2026 10:00:00 +0100
Message-ID: <a.b@kommun.example>
In-Reply-To: <x@y.example> <z@y.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="yttre"
Content-Language: sv, en

preamble
--yttre
Content-Type: multipart/alternative; boundary=inre

--inre
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hej =C3=A5!
--inre
Content-Type: text/html; charset=utf-8
Content-ID: <h@x>
Content-Description: sidan

<p>Hej</p>

--inre--
--yttre
Content-Type: application/pdf; name="a b.pdf"
Content-Disposition: attachment; filename="a b.pdf"; size=7
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--yttre--
epilogue
`),
	"forwarded": crlf(`From: bo@kommun.example
Subject: Fwd
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

se nedan
--b
Content-Type: message/rfc822
Content-Disposition: inline

From: cilla@annan.example
To: bo@kommun.example
Subject: inre
Message-ID: <inre@annan.example>
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: text/plain

ett
--c
Content-Type: message/rfc822

Subject: innerst

djupt
--c--
--b--
`),
	"a message as the body": crlf(`From: bo@kommun.example
Subject: studs
Content-Type: message/rfc822

From: x@y.example
Subject: tillbaka

hej
`),
}

// hostileMails are what a client must survive being shown.
var hostileMails = map[string]string{
	"multipart without parts":         "Subject: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nno part\r\n",
	"multipart without boundary":      "Subject: a\r\nContent-Type: multipart/alternative\r\n\r\nno part\r\n",
	"inner multipart without parts":   "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/related; boundary=y\r\n\r\n--x--\r\n",
	"nothing":                         "\r\n",
	"no header":                       "just text",
	"8-bit header":                    "Subject: r\xe4ksm\xf6rg\xe5s\r\nFrom: \xc5sa <a@b.example>\r\nContent-Type: text/plain; name=\"r\xe4k.txt\"\r\n\r\nhej\r\n",
	"utf-8 filename":                  "Content-Type: application/pdf; name=\"räkning.pdf\"\r\nContent-Disposition: attachment; filename*=utf-8''r%C3%A4kning.pdf\r\n\r\nx",
	"control characters":              "Subject: a\x00b\x07\r\nFrom: \"a\rb\" <x@y>\r\nMessage-ID: <\x00a>\r\nContent-Type: te\x00xt/pl\"ain; a\x01=\"b\x00\"\r\nContent-ID: <\x00>\r\n\r\nx\x00y",
	"half addresses":                  "From: MAILER-DAEMON\r\nTo: @host\r\nCc: Svensson, Anna <a@b.se>; c@d.se\r\nBcc: Grupp: a@b.se, c@d.se;\r\n\r\nx",
	"deep parts":                      deepParts(300),
	"deep messages":                   strings.Repeat("Subject: x\r\nContent-Type: message/rfc822\r\n\r\n", 300) + "end",
	"rfc822 in base64":                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogYQ0KDQpiDQo=\r\n",
	"many parts":                      "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\n\r\n", 3000),
	"bare line feeds":                 "Subject: a\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nett\n--x--\n",
	"long header":                     "Subject: " + strings.Repeat("å", 300_000) + "\r\n\r\nx",
	"long line of fields":             "X" + strings.Repeat("y", 10_000) + ": z\r\nTo: a@b.se\r\n\r\nx",
	"empty type":                      "Content-Type: \r\nContent-Transfer-Encoding: \r\nContent-Disposition: \r\n\r\nx",
	"message/rfc822 without anything": "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n--x--\r\n",
	"digest":                          "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: i\r\n\r\nj\r\n--x--\r\n",
	"literal bait":                    "Subject: a {5}\r\n\r\nx {5}\r\n* BYE\r\n)\r\n",
}

func deepParts(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return out.String() + "\r\nend\r\n"
}

// TestSections compares each section of well-formed mails with the library's reading of the whole mail.
func TestSections(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	w.ok("SELECT INBOX")
	parts := [][]int{nil, {1}, {2}, {3}, {1, 1}, {1, 2}, {2, 1}, {2, 2}, {2, 2, 1}, {1, 1, 1}}
	cutOtherwise := map[string]string{
		"form-latin1-raw.raw": "it writes CRLF where the mail has LF",
		"cut-off":             "it loses a part that has no end",
	}
	for name, raw := range allMails(f) {
		if readOtherwise[name] != "" || hostileMails[name] != "" || cutOtherwise[name] != "" {
			continue
		}
		f.deposit(raw)
		w.ok("NOOP")
		for _, part := range parts {
			for _, spec := range []imap.PartSpecifier{"", imap.PartSpecifierHeader, imap.PartSpecifierText, imap.PartSpecifierMIME} {
				compareSection(t, w, name, raw, &imap.FetchItemBodySection{Part: part, Specifier: spec})
			}
		}
		for _, item := range []*imap.FetchItemBodySection{
			{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"SUBJECT", "from", "X-None"}},
			{Specifier: imap.PartSpecifierHeader, HeaderFieldsNot: []string{"subject", "From"}},
			{Specifier: imap.PartSpecifierText, Partial: &imap.SectionPartial{Offset: 2, Size: 9}},
		} {
			compareSection(t, w, name, raw, item)
		}
		w.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
		w.ok("EXPUNGE")
	}
}

func compareSection(t *testing.T, w *wire, name, raw string, item *imap.FetchItemBodySection) {
	t.Helper()
	text := sectionText(item)
	if item.Specifier == imap.PartSpecifierMIME && len(item.Part) == 0 {
		w.fails("BAD", "FETCH 1 BODY.PEEK[MIME]")
		return
	}
	want := string(imapserver.ExtractBodySection(strings.NewReader(raw), item))
	got := literalOf(w.ok("FETCH 1 BODY.PEEK%s", text))
	inner := item.Specifier == imap.PartSpecifierHeader || item.Specifier == imap.PartSpecifierText
	if part, ok := partsOf(imapserver.ExtractBodyStructure(strings.NewReader(raw)))[fmt.Sprint(item.Part)]; len(item.Part) > 0 {
		// The library takes any number of .1 after a leaf, and gives HEADER and TEXT of parts that are no messages. RFC
		// 3501 section 6.4.5 knows neither.
		single, leaf := part.(*imap.BodyStructureSinglePart)
		if !ok || inner && !(leaf && single.MessageRFC822 != nil) {
			want = ""
		}
	}
	if got != want {
		t.Errorf("%s: BODY%s: %q, the library reads %q", name, text, got, want)
	}
}

// partsOf gives the parts by their numbers.
func partsOf(bs imap.BodyStructure) map[string]imap.BodyStructure {
	out := map[string]imap.BodyStructure{}
	var walk func(imap.BodyStructure, []int)
	walk = func(bs imap.BodyStructure, path []int) {
		switch p := bs.(type) {
		case *imap.BodyStructureMultiPart:
			for i, child := range p.Children {
				at := append(slices.Clone(path), i+1)
				out[fmt.Sprint(at)] = child
				if single, ok := child.(*imap.BodyStructureSinglePart); !ok || single.MessageRFC822 != nil {
					walk(child, at)
				}
			}
		case *imap.BodyStructureSinglePart:
			if len(path) == 0 { // a message without parts is its part 1
				path = []int{1}
				out[fmt.Sprint(path)] = p
			}
			if p.MessageRFC822 == nil {
				return
			}
			if inner, ok := p.MessageRFC822.BodyStructure.(*imap.BodyStructureSinglePart); ok {
				at := append(slices.Clone(path), 1)
				out[fmt.Sprint(at)] = inner
				if inner.MessageRFC822 != nil {
					walk(inner, at)
				}
				return
			}
			walk(p.MessageRFC822.BodyStructure, path)
		}
	}
	walk(bs, nil)
	return out
}

func sectionText(item *imap.FetchItemBodySection) string {
	var words []string
	for _, n := range item.Part {
		words = append(words, fmt.Sprint(n))
	}
	spec := string(item.Specifier)
	if item.HeaderFields != nil {
		spec += ".FIELDS (" + strings.Join(item.HeaderFields, " ") + ")"
	} else if item.HeaderFieldsNot != nil {
		spec += ".FIELDS.NOT (" + strings.Join(item.HeaderFieldsNot, " ") + ")"
	}
	if spec != "" {
		words = append(words, spec)
	}
	text := "[" + strings.Join(words, ".") + "]"
	if p := item.Partial; p != nil {
		text += fmt.Sprintf("<%d.%d>", p.Offset, p.Size)
	}
	return text
}

// TestStructure compares BODYSTRUCTURE and ENVELOPE, as a client reads them, with the library's reading of the mail.
func TestStructure(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.client()
	_, err := c.Select("INBOX", nil).Wait()
	f.must(err)
	for name, raw := range allMails(f) {
		if readOtherwise[name] != "" || hostileMails[name] != "" {
			continue
		}
		f.deposit(raw)
		f.must(c.Noop().Wait())
		got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, Envelope: true}).Collect()
		f.must(err)
		if a, b := shape(got[0].BodyStructure), shape(imapserver.ExtractBodyStructure(strings.NewReader(raw))); a != b {
			t.Errorf("%s:\n%s\nthe library reads\n%s", name, a, b)
		}
		f.must(c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
		f.must(c.Expunge().Close())
	}
}

// allMails are the good, the hostile, and those of package message.
func allMails(f *fixture) map[string]string {
	all := maps.Clone(goodMails)
	maps.Copy(all, hostileMails)
	files, err := filepath.Glob("../vault/message/testdata/mail/*.eml")
	f.must(err)
	if len(files) < 10 {
		f.Errorf("the corpus of package message has moved: %d files", len(files))
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		f.must(err)
		name := strings.TrimSuffix(filepath.Base(path), ".eml")
		if all[name] = string(b); !strings.HasSuffix(name, ".raw") {
			all[name] = crlf(strings.ReplaceAll(string(b), "\r\n", "\n"))
		}
	}
	return all
}

// readOtherwise are mails the library reads otherwise than a person would.
var readOtherwise = map[string]string{
	"crcrlf.raw":   "it does not see the parts",
	"junk-headers": "it gives up at a line that is no field",
	"mbox":         "it takes the mbox line for the body",
	"no-boundary":  "it gives a multipart without parts",
	"no-header":    "it loses the first line",
	"outlook-full": "it mistakes encoded words in file names for paths",
}

// decoded undoes RFC 2231 in parameters.
func decoded(params map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range params {
		if plain, ok := strings.CutSuffix(name, "*"); ok {
			name, value = plain, strings.TrimPrefix(value, "utf-8''")
			value, _ = url.PathUnescape(value)
		}
		out[name] = value
	}
	return out
}

// shape writes a structure as text, less the numbers of lines: the library does not count a last line without an end.
func shape(bs imap.BodyStructure) string {
	var out strings.Builder
	bs.Walk(func(path []int, part imap.BodyStructure) bool {
		fmt.Fprintf(&out, "%v %s", path, part.MediaType())
		if d := part.Disposition(); d != nil {
			fmt.Fprintf(&out, " %s %v", d.Value, decoded(d.Params))
		}
		switch p := part.(type) {
		case *imap.BodyStructureSinglePart:
			params := decoded(p.Params)
			if len(params) == 0 || p.MediaType() == "text/plain" && len(params) == 1 && params["charset"] == "us-ascii" {
				params = nil
			}
			fmt.Fprintf(&out, " %v id=%s %q %d", params, p.ID, p.Description, p.Size)
			if m := p.MessageRFC822; m != nil {
				fmt.Fprintf(&out, " %q %q\n{\n%s}", m.Envelope.Subject, m.Envelope.MessageID, shape(m.BodyStructure))
			}
		case *imap.BodyStructureMultiPart:
			fmt.Fprintf(&out, " %v %v", p.Extended.Params, p.Extended.Language)
		}
		out.WriteString("\n")
		return true
	})
	return out.String()
}

// client is go-imap's client, logged in as Anna.
func (f *fixture) client() *imapclient.Client {
	f.Helper()
	c, err := imapclient.DialTLS(f.implicit, &imapclient.Options{TLSConfig: f.clientTLS()})
	f.must(err)
	f.Cleanup(func() { c.Close() })
	f.must(c.Login(anna.String(), password).Wait())
	return c
}

// TestHostileMails: each can be listed and fetched by a strict client, is given back as it came, and no section of it is
// anything but octets of it.
func TestHostileMails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.client()
	n := uint32(0)
	for name, raw := range allMails(f) {
		f.deposit(raw)
		n++
		_, err := c.Select("INBOX", nil).Wait()
		f.must(err)
		whole := &imap.FetchItemBodySection{Peek: true}
		header := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
		text := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierText}
		fields := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject", "To"}}
		options := &imap.FetchOptions{
			Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, RFC822Size: true,
			BodySection: []*imap.FetchItemBodySection{whole, header, text, fields},
		}
		got, err := c.Fetch(imap.SeqSetNum(n), options).Collect()
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		if body := got[0].FindBodySection(whole); !bytes.Equal(body, []byte(raw)) {
			t.Errorf("%s: not what was deposited: %d octets, want %d", name, len(body), len(raw))
		}
		if halves := string(got[0].FindBodySection(header)) + string(got[0].FindBodySection(text)); halves != raw {
			t.Errorf("%s: header and text are not the whole", name)
		}
		seen := 0
		got[0].BodyStructure.Walk(func(path []int, part imap.BodyStructure) bool {
			if seen++; len(path) > 3 || seen > 20 {
				return false
			}
			item := &imap.FetchItemBodySection{Part: path, Peek: true}
			b, err := c.Fetch(imap.SeqSetNum(n), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{item}}).Collect()
			if err != nil {
				t.Fatalf("%s: part %v: %v", name, path, err)
			}
			octets := b[0].FindBodySection(item)
			if p, ok := part.(*imap.BodyStructureSinglePart); ok && int(p.Size) != len(octets) || !strings.Contains(raw, string(octets)) {
				t.Errorf("%s: part %v has %d octets", name, path, len(octets))
			}
			return true
		})
	}
	f.must(c.Logout().Wait())
}

func TestParams(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(hostileMails["utf-8 filename"])
	w := f.login(anna)
	w.ok("SELECT INBOX")
	got := w.ok("FETCH 1 BODYSTRUCTURE")
	for _, want := range []string{`("name*" "utf-8''r%C3%A4kning.pdf")`, `("attachment" ("filename*" "utf-8''r%C3%A4kning.pdf"))`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}
