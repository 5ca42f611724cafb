package export

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

func pdf(t testing.TB, m Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := PDF(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// poppler runs one of the programs of poppler-utils on a file.
func poppler(t *testing.T, file []byte, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip("needs the Debian package poppler-utils")
	}
	name := filepath.Join(t.TempDir(), "message.pdf")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		if a == "FILE" {
			args[i] = name
		}
	}
	cmd := exec.Command(program, args...)
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil || faults.Len() > 0 {
		t.Fatalf("%s: %v: %s", program, err, &faults)
	}
	return string(out)
}

func TestTextComesBack(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Body = "åäö ÅÄÖ é ő ł ŋ đ ŧ č š ž\nDavvisámegiella: áčđŋšŧž ÁČĐŊŠŦŽ\nÅarjelsaemien: ïæø\nΕλληνικά άέήίόύώ\nКириллица Ёжик\n“citat” – € …\na\u030a blir å\n(parentes) \\ omvänt"
	text := poppler(t, pdf(t, m), "pdftotext", "-layout", "FILE", "-")
	for _, want := range []string{
		"åäö ÅÄÖ é ő ł ŋ đ ŧ č š ž", "Davvisámegiella: áčđŋšŧž ÁČĐŊŠŦŽ", "Åarjelsaemien: ïæø", "Ελληνικά άέήίόύώ", "Кириллица Ёжик", "“citat” – € …", "å blir å", `(parentes) \ omvänt`,
		"Exempels kommun", "Säkert meddelande", "Anna Ek <anna.ek@exempel.se>", "Åsa Öberg <asa@example.org>",
		"8 augusti 2026 kl. 14.05", "Sida 1 av 1", "Utskrivet 9 augusti 2026 kl. 09.30", "Från", "Ämne", "Mottaget",
		"1,2 MB (1\u00a0234\u00a0567 byte)", "SHA-256: 010203000", "K7F3-9QXM-2PLA", "kl. 14.05.33", "Bilagor (2)",
	} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), strings.ReplaceAll(want, "\u00a0", " ")) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestEnglish(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Language = "en"
	file := pdf(t, m)
	if !bytes.Contains(file, []byte("/Lang (en)")) {
		t.Error("no /Lang (en)")
	}
	text := poppler(t, file, "pdftotext", "-layout", "FILE", "-")
	for _, want := range []string{"Secure message", "From ", "8 August 2026 at 14:05", "Page 1 of 2", "Attachments (2)", "1.2 MB"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestFileInfo(t *testing.T) {
	t.Parallel()
	info := poppler(t, pdf(t, sample()), "pdfinfo", "-isodates", "FILE")
	for _, want := range []string{
		`Title: +Beslut om stöd enligt socialtjänstlagen – `, `Author: +Exempels kommun`, `Pages: +2\n`, `Encrypted: +no`,
		`JavaScript: +no`, `\(A4\)`, `CreationDate: +2026-08-09T07:30:00`, `Metadata Stream: +yes`,
	} {
		if !regexp.MustCompile(want).MatchString(info) {
			t.Errorf("no %s in\n%s", want, info)
		}
	}
}

func TestFontsAreEmbedded(t *testing.T) {
	t.Parallel()
	fonts := strings.Split(strings.TrimSpace(poppler(t, pdf(t, sample()), "pdffonts", "FILE")), "\n")[2:]
	if len(fonts) != 3 {
		t.Errorf("%d fonts, want three", len(fonts))
	}
	for _, f := range fonts {
		if !regexp.MustCompile(`Identity-H +yes `).MatchString(f) {
			t.Errorf("not embedded: %s", f)
		}
	}
}

// TestRightToLeft: letters that the Go fonts lack are those of a fourth font, embedded as they are; lines begin at the right
// margin, and programs read the text back in the order it is read in, Arabic by its shapes.
func TestRightToLeft(t *testing.T) {
	t.Parallel()
	file := pdf(t, rightToLeftSample())
	fonts := poppler(t, file, "pdffonts", "FILE")
	if !regexp.MustCompile(`utf8dejavu +CID TrueType +Identity-H +yes no  yes`).MatchString(fonts) {
		t.Errorf("not embedded:\n%s", fonts)
	}
	text := norm.NFKC.String(poppler(t, file, "pdftotext", "-layout", "FILE", "-"))
	text = strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "").Replace(text) // how pdftotext marks directions
	for _, want := range []string{"שלום עולם", "10:30", "(SN 2026/123)", "السلام عليكم", "می", "خواهم", "Հայերեն ქართული ǯ"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "□") {
		t.Errorf("boxes in\n%s", text)
	}
	if !regexp.MustCompile(`(?m)^ {40,}.*السلام عليكم`).MatchString(text) {
		t.Errorf("not at the right margin:\n%s", text)
	}
}

func TestPageCount(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Body = strings.Repeat("rad\n", 500)
	file := pdf(t, m)
	if info := poppler(t, file, "pdfinfo", "FILE"); !regexp.MustCompile(`Pages: +12\n`).MatchString(info) {
		t.Errorf("pages:\n%s", info)
	}
	if text := poppler(t, file, "pdftotext", "FILE", "-"); strings.Count(text, "rad\n") != 500 || !strings.Contains(text, "Sida 12 av 12") {
		t.Errorf("%d lines of 500, or no last page number", strings.Count(text, "rad\n"))
	}
}

// TestArchive checks the octets for what ISO 19005-2 asks for and forbids, as far as that shows without a validator.
func TestArchive(t *testing.T) {
	t.Parallel()
	for _, m := range []Message{sample(), rightToLeftSample()} {
		checkArchive(t, pdf(t, m))
	}
}

func checkArchive(t *testing.T, file []byte) {
	t.Helper()
	for _, row := range []struct{ pattern, reason string }{
		{`^%PDF-1\.[4-7]\n%[\x80-\xff]{4}`, "6.1.2: header and four octets above 127"},
		{`/ID \[<[0-9a-f]{32}> <[0-9a-f]{32}>\]`, "6.1.3: file identifier in the trailer"},
		{`/Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier \(sRGB2014\)`, "6.2.3: output intent"},
		{`/Metadata \d+ 0 R`, "6.6.2: metadata of the document"},
		{`<pdfaid:part>2</pdfaid:part>\s*<pdfaid:conformance>B</pdfaid:conformance>`, "6.6.4: part and level"},
		{`/Lang \(sv-SE\)`, "the language of the document"},
		{`/ToUnicode \d+ 0 R`, "6.2.11.7: characters can be had back of what is shown"},
		{`/CIDToGIDMap \d+ 0 R`, "6.2.11.3.2: how a character becomes a glyph of the embedded font"},
	} {
		if !regexp.MustCompile(row.pattern).MatchString(latin1(file)) {
			t.Errorf("no %s (%s)", row.pattern, row.reason)
		}
	}
	for _, row := range []struct{ text, reason string }{
		{"/Encrypt", "6.1.3: no encryption"}, {"/JavaScript", "6.6.1: no script"}, {"/JS", "6.6.1: no script"},
		{"/AA", "6.6.2: no actions of events"},
		{"/SMask", "6.2.10: no transparency"}, {"/CA", "6.2.10: no transparency"}, {"/ca ", "6.2.10: no transparency"},
		{"/F (", "6.1.7.1: no stream in another file"}, {"/Filespec", "6.8: no file that is no PDF/A"}, {"/LZWDecode", "6.1.7.2: no LZW"},
		{"/AcroForm", "6.4.1: no form"}, {"/XFA", "6.4.2: no form"}, {"/RichMedia", "6.3.1: nothing that moves"},
		{"/OpenAction", "nothing happens at opening"}, {"/URI", "no link leaves the file"}, {"/Launch", "6.6.1: no program"},
		{"/FontFile3", "fonts are TrueType"}, {"/Subtype /Type1", "6.2.11.4: no font that is not embedded"},
	} {
		if bytes.Contains(file, []byte(row.text)) {
			t.Errorf("%s in the file (%s)", row.text, row.reason)
		}
	}
	for _, group := range regexp.MustCompile(`/Group <<[^>]*>>`).FindAll(file, -1) {
		if !bytes.Contains(group, []byte("/CS /DeviceRGB")) {
			t.Errorf("%s: 6.2.10: a page that may blend names the space it blends in", group)
		}
	}
	checkXMP(t, file)
	checkOffsets(t, file)
}

// latin1 makes each octet a character, so that patterns may name octets.
func latin1(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

func checkXMP(t *testing.T, file []byte) {
	t.Helper()
	from, to := bytes.Index(file, []byte("<?xpacket begin")), bytes.Index(file, []byte("<?xpacket end"))
	if from < 0 || to < from {
		t.Fatal("no XMP packet")
	}
	d := xml.NewDecoder(bytes.NewReader(file[from:to]))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("XMP: %v", err)
		}
	}
}

// checkOffsets follows the cross-reference table.
func checkOffsets(t *testing.T, file []byte) {
	t.Helper()
	entries := regexp.MustCompile(`(?m)^(\d{10}) 00000 n $`).FindAllSubmatch(file, -1)
	if len(entries) < 10 {
		t.Fatalf("%d objects in the cross-reference table", len(entries))
	}
	for i, e := range entries {
		at := 0
		for _, c := range e[1] {
			at = at*10 + int(c-'0')
		}
		if want := regexp.MustCompile(`^(\d+) 0 obj`).FindSubmatch(file[at:min(at+20, len(file))]); want == nil {
			t.Errorf("object %d is not where the table says", i+1)
		}
	}
}

func TestSameMessageSameFile(t *testing.T) {
	t.Parallel()
	first := pdf(t, sample())
	for range 2 {
		if !bytes.Equal(first, pdf(t, sample())) {
			t.Fatal("the same message gave two files")
		}
	}
	m := sample()
	m.Printed = time.Time{}
	if !bytes.Equal(pdf(t, m), pdf(t, m)) {
		t.Error("without a time of printing, the same message gave two files")
	}
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, want, reason string }{
		{"empty", "", "(Meddelandet har ingen text.)", "a page says that there is nothing"},
		{"control characters", "a\x00b\x01c\x1bd", "a□b□c□d", "each shows as a box"},
		{"invalid UTF-8", "a\xff\xfeb", "a", "it does not break the file"},
		{"lone surrogate", "a\xed\xa0\x80b", "a", "a surrogate in UTF-8 is invalid"},
		{"direction", "a\u202egnp.exe", "agnp.exe", "a direction mark does not turn a name around"},
		{"ethiopic", "ሰላም", "□□□", "what has no glyph is a box, not nothing"},
		{"hebrew", "שלום) Tj", "שלום", "what is written from right to left does not end its string"},
		{"brackets", strings.Repeat("א(", 70) + strings.Repeat("ב)", 70), "א", "more brackets than the rules know"},
		{"emoji", "x👩‍👩‍👧y", "x□□□y", "joiners have no shape of their own"},
		{"operators", ") Tj ET (x\\", ") Tj ET (x\\", "text does not end its string"},
		{"long word", strings.Repeat("å", 1500), strings.Repeat("å", 40), "a word wider than the page is broken"},
		{"next to U+10000", "\uffff\U00010000", "□□", "the ends of the basic plane"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m := sample()
			m.Body = row.text
			m.Subject, m.From, m.To, m.Organisation, m.MessageID = row.text, row.text, []string{row.text}, row.text, row.text
			m.Attachments[0].Name, m.Attachments[0].Type, m.Receipt.ID = row.text, row.text, row.text
			file := pdf(t, m)
			checkXMP(t, file)
			if text := poppler(t, file, "pdftotext", "-layout", "FILE", "-"); !strings.Contains(text, row.want) {
				t.Errorf("%s: no %q in\n%s", row.reason, row.want, text)
			}
		})
	}
}

func TestBoxesAreCounted(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Body = "漢字 och 😀, men inte □"
	text := poppler(t, pdf(t, m), "pdftotext", "-layout", "FILE", "-")
	if !strings.Contains(text, "3 tecken finns inte i dokumentets typsnitt") {
		t.Errorf("no note on three characters in\n%s", text)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, body string
		want       error
	}{
		{"as long as may be", strings.Repeat("😀😀😀 ", MaxBody/13-400), nil},
		{"too long", strings.Repeat("x", MaxBody+1), ErrTooLarge},
		{"too many pages", strings.Repeat("a\n", 2_000_000), ErrTooLarge},
		{"only line ends", strings.Repeat("\n", MaxBody-2000) + "x", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m := sample()
			m.Body = row.body
			if err := PDF(io.Discard, m); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriterFails(t *testing.T) {
	t.Parallel()
	if err := PDF(broken{}, sample()); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestFirstLine(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, line, rest, reason string }{
		{"", "", "", "nothing"},
		{"kort", "kort", "", "fits"},
		{"aaaaaaaaaa bbbbbbbbbb cccccccccc", "aaaaaaaaaa", "bbbbbbbbbb cccccccccc", "after a space"},
		{"aaaaaaaaaaaa-bbbbbbbbbbbbbbbbbbb", "aaaaaaaaaaaa-", "bbbbbbbbbbbbbbbbbbb", "after a hyphen"},
		{"> aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "> aaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaa", "not so that a line is all but empty"},
	} {
		line, rest := firstLine(row.text, regular, 10, 40)
		if line != row.line || rest != row.rest {
			t.Errorf("%s: %q got %q, %q; want %q, %q", row.reason, row.text, line, rest, row.line, row.rest)
		}
	}
}

func FuzzPDF(f *testing.F) {
	f.Add("Hej", "Ämne", "Anna <a@b.se>")
	f.Add("a\x00\xff\u202e😀\r\n\f", "\ufffe]]>", "(\\")
	f.Fuzz(func(t *testing.T, body, subject, from string) {
		m := sample()
		m.Body, m.Subject, m.From, m.Organisation = body, subject, from, subject
		var b bytes.Buffer
		if err := PDF(&b, m); err != nil {
			if errors.Is(err, ErrTooLarge) {
				return
			}
			t.Fatal(err)
		}
		checkXMP(t, b.Bytes())
	})
}
