package export

import (
	"strings"
	"text/template"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// producer is what the file names as the program it was made by.
const producer = "Sigill"

// maxMeta is how long a title or author is in the metadata, in characters.
const maxMeta = 500

// xmpPacket names what ISO 19005-2 section 6.6 asks for: the same title, author, producer and dates as the information
// dictionary, and the part and level of the standard.
var xmpPacket = template.Must(template.New("").Funcs(template.FuncMap{"xml": xmlEscaper.Replace}).Parse(
	`<?xpacket begin="` + "\uFEFF" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>2</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{{xml .Title}}</rdf:li></rdf:Alt></dc:title>
{{- with .Author}}
<dc:creator><rdf:Seq><rdf:li>{{xml .}}</rdf:li></rdf:Seq></dc:creator>
{{- end}}
<dc:language><rdf:Bag><rdf:li>{{.Language}}</rdf:li></rdf:Bag></dc:language>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<xmp:CreateDate>{{.Made}}</xmp:CreateDate>
<xmp:ModifyDate>{{.Made}}</xmp:ModifyDate>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<pdf:Producer>{{.Producer}}</pdf:Producer>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>`))

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func (d *document) xmp() []byte {
	var b strings.Builder
	// The template and its data are ours, and a strings.Builder takes everything: there is no error.
	_ = xmpPacket.Execute(&b, struct{ Title, Author, Language, Made, Producer string }{
		d.title, d.author, d.words.tag, d.made.Format(time.RFC3339), producer,
	})
	return []byte(b.String())
}

// metaText makes s one line that XML and the library's UTF-16 can hold: no control characters, no character beyond the
// basic plane.
func metaText(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || shapeless(r) || r == 0xFFFE || r == 0xFFFF:
			return -1
		case r > 0xFFFF:
			return '\uFFFD'
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxMeta {
		return string(r[:maxMeta-1]) + "…"
	}
	return s
}
