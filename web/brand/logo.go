package brand

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"strings"
)

// MaxLogo is the octets of a logo: with it the first page stays one that a slow network loads at once.
const MaxLogo = 16 << 10

// maxSide is a side of a PNG in pixels, many times what is shown.
const maxSide = 2048

// LogoPolicy is the Content-Security-Policy a logo is sent with. A browser that opens it by itself draws it and does no
// more; drawings style themselves, which the policy of pages forbids.
const LogoPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

// Logo is a picture that has been looked at. The zero value is none.
type Logo struct {
	Type  string // image/svg+xml or image/png
	Bytes []byte
}

// Name is what it is called in addresses.
func (l Logo) Name() string {
	if l.Type == "image/png" {
		return "logo.png"
	}
	return "logo.svg"
}

// NewLogo takes the octets of an SVG or PNG.
func NewLogo(b []byte) (Logo, error) {
	if len(b) > MaxLogo {
		return Logo{}, fmt.Errorf("brand: the logo has %d octets and may have %d: every visitor loads it; take an SVG without pictures in it, or a PNG of 160 pixels", len(b), MaxLogo)
	}
	if bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) {
		c, err := png.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width > maxSide || c.Height > maxSide {
			return Logo{}, fmt.Errorf("brand: the logo is no PNG of %d pixels a side at most", maxSide)
		}
		return Logo{"image/png", b}, nil
	}
	if err := still(b); err != nil {
		return Logo{}, fmt.Errorf("brand: the logo: %w", err)
	}
	return Logo{"image/svg+xml", b}, nil
}

const svgSpace = "http://www.w3.org/2000/svg"

// still tells whether an SVG is a drawing and no more: nothing in it runs, and it loads nothing from elsewhere.
func still(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	for depth := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 1 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("neither a PNG nor an SVG that can be read: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			if bytes.Contains(t, []byte("[")) { // a DTD of its own, whose entities browsers would expand
				return errors.New("a DOCTYPE with entities: save it as plain SVG")
			}
		case xml.StartElement:
			if depth == 0 && t.Name != (xml.Name{Space: svgSpace, Local: "svg"}) {
				return errors.New("neither a PNG nor an SVG")
			}
			depth = 1
			if err := harmless(t); err != nil {
				return err
			}
		case xml.CharData:
			if err := loadsNothing(string(t)); err != nil {
				return err
			}
		}
	}
}

func harmless(e xml.StartElement) error {
	switch strings.ToLower(e.Name.Local) {
	case "script", "foreignobject", "iframe", "a", "animate", "set", "handler", "listener":
		return fmt.Errorf("it has an element <%s>: a logo is a drawing and no more", e.Name.Local)
	}
	for _, a := range e.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.TrimSpace(a.Value)
		switch {
		case strings.HasPrefix(name, "on"):
			return fmt.Errorf("it has a script in %s", a.Name.Local)
		case (name == "href" || name == "src") && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "data:image/"):
			return fmt.Errorf("%s leads out of the picture", a.Name.Local)
		}
		if err := loadsNothing(value); err != nil {
			return err
		}
	}
	return nil
}

// loadsNothing looks at what may be CSS.
func loadsNothing(text string) error {
	text = strings.ToLower(text)
	if strings.Contains(text, "@import") {
		return errors.New("it imports a style sheet")
	}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "url(")
		if !found {
			return nil
		}
		if rest = strings.TrimLeft(after, "\"' \t\r\n"); !strings.HasPrefix(rest, "#") && !strings.HasPrefix(rest, "data:image/") {
			return errors.New("its style loads something from elsewhere")
		}
	}
}
