package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"sigill/web/brand"
)

// asset is a file that browsers may keep, under an address that changes with it. The zero value is none.
type asset struct {
	path   string
	kind   string
	policy string // its Content-Security-Policy; "" for that of pages
	bytes  []byte
	packed []byte // with gzip; nil if that saves nothing
}

// assets are those of the pages. The logo is the seal where the organisation has none.
type assets struct{ style, colours, seal, logo, wait, time, upload, passkey asset }

// addresses are those of the assets, as templates take them.
type addresses struct {
	Style, Colours              string // style sheets; Colours is "" where the organisation has none of its own
	Seal, Logo                  string // the product's sign and the organisation's
	Wait, Time, Upload, Passkey string // scripts: see what each begins with
}

func (a *assets) addresses() addresses {
	return addresses{
		Style: a.style.path, Colours: a.colours.path, Seal: a.seal.path, Logo: a.logo.path,
		Wait: a.wait.path, Time: a.time.path, Upload: a.upload.path, Passkey: a.passkey.path,
	}
}

func (s *Server) loadAssets() error {
	for _, own := range []struct {
		to   *asset
		name string
		kind string
	}{
		{&s.assets.style, "style.css", "text/css; charset=utf-8"},
		{&s.assets.seal, "seal.svg", "image/svg+xml"},
		{&s.assets.wait, "wait.js", "text/javascript; charset=utf-8"},
		{&s.assets.time, "time.js", "text/javascript; charset=utf-8"},
		{&s.assets.upload, "upload.js", "text/javascript; charset=utf-8"},
		{&s.assets.passkey, "passkey.js", "text/javascript; charset=utf-8"},
	} {
		b, err := files.ReadFile("static/" + own.name)
		if err != nil {
			return err
		}
		*own.to = newAsset(own.name, own.kind, b)
	}
	s.assets.logo = s.assets.seal
	if l := s.config.Brand.Logo; l.Type != "" {
		s.assets.logo = newAsset(l.Name(), l.Type, l.Bytes)
		s.assets.logo.policy = brand.LogoPolicy
	}
	if c := s.config.Brand.Colours; !c.IsZero() {
		s.assets.colours = newAsset("colours.css", "text/css; charset=utf-8", []byte(c.CSS()))
	}
	return nil
}

func newAsset(name, kind string, b []byte) asset {
	sum := sha256.Sum256(b)
	a := asset{path: "/static/" + name + "?v=" + hex.EncodeToString(sum[:6]), kind: kind, bytes: b}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is one there is
	z.Write(b)                                                 // to memory
	z.Close()
	if packed.Len() < len(b) {
		a.packed = packed.Bytes()
	}
	return a
}

// routes serves the assets that there are.
func (a *assets) routes(m *http.ServeMux) {
	for _, one := range []*asset{&a.style, &a.colours, &a.seal, &a.logo, &a.wait, &a.time, &a.upload, &a.passkey} {
		if one.path == "" || one == &a.logo && one.path == a.seal.path {
			continue
		}
		name, _, _ := strings.Cut(one.path, "?")
		m.HandleFunc("GET "+name, one.serve)
	}
}

// serve sends the file, packed where the browser takes that: nothing in it is secret, so its length tells nothing.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	if a.policy != "" {
		h.Set("Content-Security-Policy", a.policy)
	}
	if a.path == r.URL.RequestURI() {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if a.packed == nil {
		w.Write(a.bytes)
		return
	}
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.Write(a.packed)
		return
	}
	w.Write(a.bytes)
}
