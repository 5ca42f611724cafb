package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestParams(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, in, value, want string }{
		{"plain", "text/plain; charset=utf-8; format=flowed", "text/plain", "charset=utf-8 format=flowed"},
		{"quoted", `text/plain; name="a;b\"c"`, "text/plain", `name=a;b"c`},
		{"a Windows path in quotes", `x; name="C:\tmp\a.txt"`, "x", `name=C:\tmp\a.txt`},
		{"spaces without quotes", "application/pdf; name=Min fil.pdf", "application/pdf", "name=Min fil.pdf"},
		{"parentheses without quotes", "image/png; name=Bild (1).png", "image/png", "name=Bild (1).png"},
		{"comments", `text/plain (x;y); charset="utf-8" (z)`, "text/plain", "charset=utf-8"},
		{"names in capitals, spaces around =", "text/plain; CharSet = utf-8 ;", "text/plain", "charset=utf-8"},
		{"a quote left open", `x; name="a.pdf`, "x", "name=a.pdf"},
		{"twice: the first counts", "x; a=1; a=2", "x", "a=1"},
		{"RFC 2231: a charset", "x; name*=iso-8859-1'sv'r%E4k.pdf", "x", "name=räk.pdf"},
		{"RFC 2231: pieces", `x; name*0="a b"; name*1="c.pdf"`, "x", "name=a bc.pdf"},
		{"RFC 2231: pieces out of order, some encoded", `x; name*1="b.pdf"; name*0*=utf-8''%C3%A5`, "x", "name=åb.pdf"},
		{"RFC 2231: a character split between pieces", "x; name*0*=utf-8''%C3; name*1*=%A5", "x", "name=å"},
		{"RFC 2231 counts before the plain form, as Outlook sends both", `x; name="r?k.pdf"; name*=utf-8''r%C3%A4k.pdf`, "x", "name=räk.pdf"},
		{"RFC 2231 without a charset", "x; name*=r%C3%A4k", "x", "name=räk"},
		{"RFC 2231 with bad percents", "x; name*=utf-8''100%.pdf", "x", "name=100%.pdf"},
		{"RFC 2047 in a parameter, against its section 5", `x; name="=?utf-8?q?r=C3=A4k.pdf?="`, "x", "name=räk.pdf"},
		{"raw UTF-8", "x; name=\"r\xc3\xa4k\"", "x", "name=räk"},
		{"raw windows-1252", "x; name=\"r\xe4k\"", "x", "name=räk"},
		{"no name", "x; =a; b; c=d", "x", "c=d"},
		{"nothing", "", "", ""},
	} {
		value, raw := parseValue(tt.in)
		var got []string
		for _, p := range decodeParams(raw) {
			got = append(got, p.Name+"="+p.Value)
		}
		if value != tt.value || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q gives %q %q, want %q %q", tt.reason, tt.in, value, got, tt.value, tt.want)
		}
	}
}

func TestPartFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, header, want string }{
		{"defaults (RFC 2045 section 5.2)", "X: y\n", "text/plain 7bit"},
		{"capitals", "Content-Type: TEXT/HTML\nContent-Transfer-Encoding: BASE64\n", "text/html base64"},
		{"a comment after the encoding", "Content-Transfer-Encoding: base64 (x)\n", "text/plain base64"},
		{"an unknown encoding", "Content-Transfer-Encoding: x-uuencode\n", "text/plain x-uuencode"},
		{"encodings misspelled", "Content-Transfer-Encoding: 8-bit\n", "text/plain 8bit"},
		{"a type that cannot be read", "Content-Type: text\n", "text/plain 7bit"},
		{"types with spaces around the slash", "Content-Type: text / html; x\n", "text/html 7bit"},
		{"twice: the first counts", "Content-Type: text/html\nContent-Type: text/plain\n", "text/html 7bit"},
		{"a boundary longer than any", "Content-Type: text/html; boundary=" + strings.Repeat("x", 3000) + "\n", "text/html 7bit"},
	} {
		b := budget{maxKept}
		p, _ := b.part(ParseHeader([]byte(tt.header+"\n")), false)
		if got := fmt.Sprintf("%s/%s %s", p.Type, p.Subtype, p.Encoding); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
		}
	}
	b := budget{maxKept}
	p, _ := b.part(ParseHeader([]byte("Content-Disposition: ATTACHMENT; filename=a.pdf\nContent-ID: <a@b>\nContent-Description: =?utf-8?q?=C3=A5?=\n"+
		"Content-Language: sv, en\nContent-Location: http://a/\n b\nContent-MD5: Q2hlY2s=\n\n")), false)
	if got := fmt.Sprint(p.Disposition, p.FileName(), p.ID, p.Description, p.Language, p.Location, p.MD5); got != "attachmenta.pdfa@bå[sv en]http://a/bQ2hlY2s=" {
		t.Error(got)
	}
}

// An index cannot grow with the message, however much text its header fields hold.
func TestKeptTextIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
	for range 120 {
		b.WriteString("--b\r\nContent-Type: message/rfc822\r\n\r\n")
		for _, name := range []string{"To", "Cc", "Subject", "References", "Content-Description"} {
			b.WriteString(name + ": " + strings.Repeat("a@b.se, <c@d.se>\r\n ", 900) + "\r\n")
		}
		b.WriteString("\r\n")
	}
	ix := index(b.String())
	kept := 0
	text := func(list ...string) {
		for _, s := range list {
			kept += len(s)
		}
	}
	for _, p := range ix.Walk() {
		text(p.Type, p.Subtype, p.Description, p.ID)
		if e := p.Envelope; e != nil {
			text(e.Subject, e.RawDate, e.MessageID)
			text(e.References...)
			for _, list := range [][]Mailbox{e.To, e.Cc} {
				for _, m := range list {
					kept += costMailbox + len(m.Name) + len(m.Local) + len(m.Host)
				}
			}
		}
	}
	if kept > maxKept+100<<10 {
		t.Errorf("an index keeps %d octets of %d", kept, b.Len())
	}
}
