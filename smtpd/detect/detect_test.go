package detect

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/unicode"

	"sigill/policy"
)

func today() time.Time { return time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC) }

func detector(limits Limits, words ...string) *Detector {
	return New([]policy.Rule{
		{Name: "numbers", When: []policy.Condition{policy.Contains{Numbers: true}}},
		{Name: "words", When: []policy.Condition{policy.Contains{Words: append(words, "orosanmälan", "skyddad identitet", "Covid-19")}}},
	}, limits, today)
}

// total of each kind.
func total(c policy.Content) (numbers, words int) {
	for _, f := range c.Findings {
		if f.Kind == policy.FoundNumbers {
			numbers += f.Count
		} else {
			words += f.Count
		}
	}
	return numbers, words
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	d := detector(Limits{})
	for _, tt := range []struct {
		reason, text string
		want         int
	}{
		{"twelve digits", "hon, 196408233234, har", 1},
		{"with the hyphen", "19640823-3234", 1},
		{"ten with the hyphen", "640823-3234.", 1},
		{"in brackets", "(640823-3234)", 1},
		{"a plus: over a hundred", "080823+3233", 1},
		{"the hyphen of a word processor", "640823–3234", 1},
		{"a no-break hyphen", "640823\u20113234", 1},
		{"a soft hyphen shows as nothing", "640823\u00ad-3234", 1},
		{"full width digits", "６４０８２３-３２３４", 1},
		{"the date with hyphens", "1964-08-23-3234", 1},
		{"a space", "19640823 3234", 1},
		{"a no-break space", "19640823\u00a03234", 1},
		{"ten digits in a run", "nr 6408233234 är", 1},
		{"a samordningsnummer", "19701063-2391", 1},
		{"a samordningsnummer, ten digits", "701063-2391", 1},
		{"two", "640823-3234, 19701063-2391", 2},
		{"two with a space between", "640823-3234 19701063-2391", 2},
		{"two on two lines", "640823-3234\r\n640823-3234", 2},
		{"after a word that says so", "Personnummer: 640823 3234", 1},
		{"born in 2001, in a run, after a word that says so", "pnr 0101022382", 1},
		{"at the end", "640823-3234", 1},

		{"a wrong check digit", "19640823-3235 640823-3235", 0},
		{"no date", "19641323-3234 641323-3233", 0},
		{"not yet born", "20640823-3239", 0},
		{"born before anybody who lives", "18640823-3232", 0},
		{"an organisation", "212000-0142, 162120000142", 0},
		{"an organisation in a run", "5560360793", 0},
		{"a mobile telephone", "0701234565 070-123 45 65 070-1234565", 0},
		{"a telephone abroad", "+46701234565 0046701234565 +46 70 123 45 65", 0},
		{"a telephone of Stockholm", "08-123 456 78 0812345674", 0},
		{"part of a longer number", "1640823-3234 640823-32345 1964082332341", 0},
		{"part of a longer chain", "12-640823-3234 640823-3234-1-22", 0},
		{"within a word", "A640823-3234 640823-3234B x6408233234", 0},
		{"a file's id", "img_640823-3234_x", 0},
		{"an address of the web", "https://example.se/6408233234?id=6408233234&x", 0},
		{"a decimal", "0.6408233234 12,6408233234", 0},
		{"a time stamp", "2024-01-15 12:30:00 20240115 1230 20240115T123000", 0},
		{"an account and an OCR number", "5001-6408233 12 34 1234567 4", 0},
		{"a UUID", "64082332-3234-4222-8333-944445555666", 0},
		{"dates", "2024-01-15--2024-02-15 20240115-20240215", 0},
		{"digits apart", "640823 3234", 0},
		{"many digits", strings.Repeat("640823", 1000), 0},
		{"many groups", strings.Repeat("640823-", 1000), 0},
	} {
		if got, _ := total(d.Look([]byte("\r\n" + tt.text))); got != tt.want {
			t.Errorf("%s: %q has %d numbers, want %d", tt.reason, tt.text, got, tt.want)
		}
	}
}

// How often digits at random are taken for an identity number, so that the figures of the documentation are known.
func TestNumbersAtRandom(t *testing.T) {
	t.Parallel()
	d := detector(Limits{})
	for _, row := range []struct {
		format string
		most   int // of 5000
	}{{"order %010d x\n", 60}, {"order %012d x\n", 8}, {"tel 07%08d x\n", 0}, {"%06[2]d-%04[3]d\n", 60}} {
		var b strings.Builder
		b.WriteString("\r\n")
		n := uint64(88172645463325252)
		for range 5000 {
			n ^= n << 13
			n ^= n >> 7
			n ^= n << 17
			switch {
			case strings.Contains(row.format, "012"):
				fmt.Fprintf(&b, row.format, n%1e12)
			case strings.Contains(row.format, "07"):
				fmt.Fprintf(&b, row.format, n%1e8)
			case strings.Contains(row.format, "["):
				fmt.Fprintf(&b, "%06d-%04d\n", n%1e6, n/1e6%1e4)
			default:
				fmt.Fprintf(&b, row.format, n%1e10)
			}
		}
		if got, _ := total(d.Look([]byte(b.String()))); got > row.most {
			t.Errorf("%q: %d of 5000", row.format, got)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	d := detector(Limits{}, "LVU")
	for _, tt := range []struct {
		reason, text string
		want         int
	}{
		{"a word", "en orosanmälan kom", 1},
		{"in capitals", "OROSANMÄLAN", 1},
		{"decomposed", "orosanma\u0308lan", 1},
		{"with a soft hyphen", "oros\u00adanmälan", 1},
		{"a short word in another case", "lvu", 1},
		{"a phrase", "Skyddad  identitet", 1},
		{"a phrase over a line end", "skyddad\r\nidentitet", 1},
		{"a phrase that begins twice", "skyddad skyddad identitet", 1},
		{"with a hyphen", "covid-19 Covid 19", 2},
		{"two", "LVU och orosanmälan", 2},
		{"an inflected form is another word", "orosanmälans", 0},
		{"part of a word", "xlvu lvux", 0},
		{"half a phrase", "skyddad och identitet", 0},
		{"without the dots", "orosanmalan", 0},
		{"a very long word", strings.Repeat("lvu", 1000), 0},
	} {
		if _, got := total(d.Look([]byte("Content-Type: text/plain; charset=utf-8\r\n\r\n" + tt.text))); got != tt.want {
			t.Errorf("%s: %q has %d words, want %d", tt.reason, tt.text, got, tt.want)
		}
	}
}

// How a text is cut into writes makes no difference.
func TestScannerInPieces(t *testing.T) {
	t.Parallel()
	d := detector(Limits{})
	const text = "å 640823–3234 orosanma\u0308lan \xff\xc3 skyddad identitet \xe2\x80 19640823\u00a03234"
	for size := 1; size < 9; size++ {
		s := d.begin()
		for piece := range slices.Chunk([]byte(text), size) {
			_, _ = s.Write(piece)
		}
		if n := s.end(); n.numbers != 2 || n.words[1] != 2 {
			t.Errorf("in pieces of %d: %+v", size, n)
		}
	}
}

// archive makes a zip of names and contents.
func archive(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func attached(name string, content []byte) string {
	return "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream; name=\"" + name +
		"\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(content) + "\r\n--b--\r\n"
}

func utf16Text(order unicode.Endianness, text string) []byte {
	b, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().Bytes([]byte(text))
	if err != nil {
		panic(err)
	}
	return b
}

// winmail is a small file of Outlook's: a body and a file x.txt.
func winmail(body, file string) []byte {
	out := []byte("\x78\x9f\x3e\x22\x01\x00")
	for _, a := range []struct {
		level byte
		id    uint32
		data  string
	}{{1, 0x0002800c, body}, {2, 0x00069002, ""}, {2, 0x00018010, "x.txt"}, {2, 0x0006800f, file}} {
		sum := uint16(0)
		for _, c := range []byte(a.data) {
			sum += uint16(c)
		}
		out = binary.LittleEndian.AppendUint32(append(out, a.level), a.id)
		out = append(binary.LittleEndian.AppendUint32(out, uint32(len(a.data))), a.data...)
		out = binary.LittleEndian.AppendUint16(out, sum)
	}
	return out
}

const word = `<w:document xmlns:w="x"><w:body><w:p><w:r><w:t>64</w:t></w:r><w:r><w:t>0823</w:t></w:r><w:r><w:noBreakHyphen/><w:t>3234</w:t></w:r></w:p>` +
	`<w:p><w:r><w:t>oros</w:t></w:r><w:r><w:t xml:space="preserve">anmälan</w:t></w:r></w:p></w:body></w:document>`

func TestWhereItIsLookedFor(t *testing.T) {
	t.Parallel()
	d := detector(Limits{})
	docx := map[string]string{"[Content_Types].xml": "<Types/>", "word/document.xml": word}
	html := "Content-Type: text/html; charset=utf-8\r\n\r\n"
	for _, tt := range []struct {
		reason, mail   string
		numbers, words int
		beyond         bool
	}{
		{"the subject", "Subject: =?utf-8?q?640823=2D3234_orosanm=C3=A4lan?=\r\n\r\n", 1, 1, false},
		{"quoted-printable, cut in a number", "Content-Transfer-Encoding: quoted-printable\r\n\r\n6408=\r\n23-3234", 1, 0, false},
		{"base64 and latin1", "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			base64.StdEncoding.EncodeToString([]byte("orosanm\xe4lan 640823-3234")), 1, 1, false},
		{"HTML: a tag within a number", html + "<p>6408<b>23</b>-3234<p>oros<span>anm&auml;lan</span>", 1, 1, false},
		{"HTML: cells", html + "<td>640823-3234</td><td>640823-3234</td>", 2, 0, false},
		{"HTML: the text of a picture", html + `<img alt="orosanmälan 640823-3234">`, 1, 1, false},
		{"HTML: not scripts and styles", html + "<style>640823-3234</style><script>'640823-3234'</script>", 0, 0, false},
		{"HTML: not addresses", html + `<a href="https://example.se/640823-3234">x</a>`, 0, 0, false},
		{"text and HTML of the same", "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n640823-3234\r\n--b\r\n" + html + "<p>640823-3234\r\n--b--\r\n", 1, 0, false},
		{"HTML that says more than the text", "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n" + html + "<p>640823-3234\r\n--b--\r\n", 1, 0, false},
		{"an embedded message", "Content-Type: message/rfc822\r\n\r\nSubject: orosanmälan\r\n\r\n640823-3234", 1, 1, false},
		{"the name of a file", attached("640823-3234.bin", []byte("....")), 1, 0, false},
		{"an attached text", attached("x.csv", []byte("a;640823-3234;b")), 1, 0, false},
		{"UTF-16 with its mark, as Notepad writes it", attached("x.txt", utf16Text(unicode.LittleEndian, "orosanmälan 640823-3234")), 1, 1, false},
		{"UTF-16 with its mark, the other way round", attached("x.csv", utf16Text(unicode.BigEndian, "a\t640823-3234\tb")), 1, 0, false},
		{"UTF-16 as a text part that says nothing of it", strings.Replace(attached("x.txt", utf16Text(unicode.LittleEndian, "orosanmälan")), "application/octet-stream", "text/plain; charset=us-ascii", 1), 0, 1, false},
		{"UTF-16 in an archive", attached("x.zip", archive(t, map[string]string{"a.csv": string(utf16Text(unicode.LittleEndian, "640823-3234"))})), 1, 0, false},
		{"UTF-16 in winmail.dat", attached("winmail.dat", winmail("", string(utf16Text(unicode.LittleEndian, "640823-3234")))), 1, 0, false},
		{"UTF-16 that ends in the middle of a character", attached("x.txt", utf16Text(unicode.LittleEndian, "640823-3234 å")[:25]), 1, 0, false},
		{"a mark and nothing else", attached("x.txt", []byte("\xff\xfe")), 0, 0, false},
		{"UTF-8 with its mark, as Excel writes it", attached("x.csv", []byte("\xef\xbb\xbforosanmälan;640823-3234")), 1, 1, false},
		{"a mail as a file", attached("x.eml", []byte("Subject: orosanmälan\r\nContent-Transfer-Encoding: base64\r\n\r\nNjQwODIzLTMyMzQ=")), 1, 1, false},
		{"a mail in an archive", attached("x.zip", archive(t, map[string]string{"a.eml": "Subject: x\r\n\r\n640823-3234"})), 1, 0, false},
		{"a document in a mail in a mail", attached("x.eml", []byte(attached("y.eml", []byte(attached("x.docx", archive(t, docx)))))), 1, 1, false},
		{"mails in mails beyond the limit", attached("a.eml", []byte(attached("b.eml", []byte(attached("c.eml", []byte(attached("d.eml", []byte("640823-3234")))))))), 0, 0, true},
		{"docx, in runs", attached("x.docx", archive(t, docx)), 1, 1, false},
		{"docx that is called something else", attached("x.bin", archive(t, docx)), 1, 1, false},
		{"docx in an archive", attached("x.zip", archive(t, map[string]string{"a/b.docx": string(archive(t, docx))})), 1, 1, false},
		{"xlsx: shared strings and numbers", attached("x.xlsx", archive(t, map[string]string{
			"xl/sharedStrings.xml": "<sst><si><t>640823-3234</t></si><si><r><t>oros</t></r><r><t>anmälan</t></r></si></sst>",
			"xl/worksheets/s.xml":  "<row><c><v>196408233234</v></c><c><v>7</v></c></row>",
		})), 2, 1, false},
		{"odt", attached("x.odt", archive(t, map[string]string{
			"content.xml": "<o:t><text:p>6408<text:span>23-3234</text:span></text:p><text:p>skyddad<text:s/>identitet</text:p></o:t>"})), 1, 1, false},
		{"winmail.dat", attached("winmail.dat", winmail("640823-3234", "orosanmälan 640823-3234")), 2, 1, false},
		{"docx in winmail.dat", attached("winmail.dat", winmail("", string(archive(t, docx)))), 1, 1, false},
		{"a broken winmail.dat", attached("winmail.dat", winmail("", "orosanmälan")[:60]), 0, 0, true},
		{"a picture", attached("x.png", bytes.Repeat([]byte("\x89PNG640823-3234 "), 9)), 0, 0, false},
		{"a broken archive: nobody knows what is in it", attached("x.docx", archive(t, docx)[:40]), 0, 0, true},
		{"broken XML", attached("x.docx", archive(t, map[string]string{"word/document.xml": "<p>640823-3234</p><"})), 1, 0, true},
		{"an archive in an archive in an archive in an archive", attached("x.zip", archive(t, map[string]string{"a.zip": string(archive(t, map[string]string{
			"b.zip": string(archive(t, map[string]string{"c.zip": string(archive(t, docx))}))}))})), 0, 0, true},
		{"nothing", "", 0, 0, false},
	} {
		c := d.Look([]byte(tt.mail))
		if numbers, words := total(c); numbers != tt.numbers || words != tt.words || c.Beyond != tt.beyond {
			t.Errorf("%s: %+v, want %d numbers and %d words, beyond %v", tt.reason, c, tt.numbers, tt.words, tt.beyond)
		}
	}
}

// An archive that unpacks to more than it should costs as much as the limits say.
func TestBombs(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 300 {
		many[fmt.Sprint("word/", i, ".xml")] = "<p/>"
	}
	for _, tt := range []struct {
		reason string
		limits Limits
		files  map[string]string
		beyond bool
	}{
		{"too many entries", Limits{Entries: 299}, many, true},
		{"as many as may be", Limits{Entries: 300}, many, false},
		{"too much in all", Limits{Octets: 200 << 10, Ratio: 1 << 30}, map[string]string{"a.xml": strings.Repeat("<p>a</p>", 40<<10)}, true},
		{"too well packed", Limits{Ratio: 100}, map[string]string{"a.xml": strings.Repeat(" ", 1<<20+64<<10)}, true},
		{"well packed, but little", Limits{Ratio: 100}, map[string]string{"a.xml": strings.Repeat(" ", 1<<20)}, false},
		{"deep XML costs nothing", Limits{Ratio: 1 << 30}, map[string]string{"a.xml": strings.Repeat("<a>", 64<<10)}, false},
	} {
		packed := attached("x.docx", archive(t, tt.files))
		if c := detector(tt.limits).Look([]byte(packed)); c.Beyond != tt.beyond {
			t.Errorf("%s: beyond %v", tt.reason, c.Beyond)
		}
	}
}

// A long text costs no memory beyond the mail itself.
func TestLongTextInConstantMemory(t *testing.T) {
	d := detector(Limits{})
	mail := []byte("\r\n" + strings.Repeat("Hej 640823-3234 och orosanmälan\r\n", 1<<20/34))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d.Look(mail)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 400<<10 {
		t.Errorf("%d octets allocated for a text of %d", grown, len(mail))
	}
}

func FuzzLook(f *testing.F) {
	f.Add([]byte("Subject: 640823-3234\r\n\r\n19640823 3234"))
	f.Add([]byte(attached("x.docx", archive(f, map[string]string{"word/document.xml": word}))))
	f.Add([]byte("Content-Type: text/html\r\n\r\n<p>6408<b>23</b>-3234<!-- -->"))
	d := detector(Limits{Octets: 1 << 20})
	f.Fuzz(func(t *testing.T, mail []byte) {
		for _, found := range d.Look(mail).Findings {
			if found.Count < 1 || found.Count > len(mail) && !bytes.Contains(mail, []byte("UEsDB")) {
				t.Fatalf("%+v", found)
			}
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(archive(f, map[string]string{"word/document.xml": word, "a.txt": "x"}))
	d := detector(Limits{Octets: 1 << 20})
	f.Fuzz(func(t *testing.T, packed []byte) {
		l := &look{Detector: d, left: d.limits.Octets}
		l.archive(packed, 1)
		if l.left < 0 {
			t.Fatal("more was unpacked than may be")
		}
	})
}

func BenchmarkLook(b *testing.B) {
	d := detector(Limits{})
	mail := []byte("\r\n" + strings.Repeat("Hej 640823-3234 och orosanmälan\r\n", 1<<20/34))
	b.SetBytes(int64(len(mail)))
	for b.Loop() {
		d.Look(mail)
	}
}
