package clean

import (
	"fmt"
	"strings"
	"testing"
)

// letter is HTML of 100 KB: paragraphs with a style, bold words and a link.
func letter() string {
	var b strings.Builder
	for b.Len() < 100<<10 {
		fmt.Fprintf(&b, "<p style=\"margin:0 0 1em\"><b>Beslut</b> Nämnden beslutar att bevilja ansökan om hemtjänst enligt 4 kap. 1 § socialtjänstlagen. <a href=\"https://www.exempel.se/%d\">Läs mer</a></p>\r\n", b.Len())
	}
	return b.String()
}

func BenchmarkHTML(b *testing.B) {
	mail := letter()
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := HTML(mail, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkText(b *testing.B) {
	mail := letter()
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		if Text(mail) == "" {
			b.Fatal("no text")
		}
	}
}
