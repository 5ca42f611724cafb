package web

import (
	"encoding/base64"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"

	"sigill/vault"
	"sigill/vault/message"
	"sigill/web/clean"
)

// pictures are those that a page may hold in itself, by type, with what reads their size.
var pictures = map[string]func(io.Reader) (image.Config, error){
	"image/png": png.DecodeConfig, "image/jpeg": jpeg.DecodeConfig, "image/gif": gif.DecodeConfig, "image/webp": webp.DecodeConfig,
}

// picture finds a picture of the mail that its page may hold.
func picture(c *vault.Content, id string) (p *message.Part, kind string, ok bool) {
	p, ok = c.Index().ByContentID(id)
	if !ok || p.Decoded > clean.MaxInline {
		return nil, "", false
	}
	if kind = p.Type + "/" + p.Subtype; kind == "image/jpg" {
		kind = "image/jpeg"
	}
	return p, kind, pictures[kind] != nil
}

// inline is a picture of the mail as a data: URI (RFC 2397): the frame has an origin of its own and could fetch nothing.
func inline(c *vault.Content, id string) (string, bool) {
	p, kind, ok := picture(c, id)
	if !ok {
		return "", false
	}
	b, err := io.ReadAll(io.LimitReader(message.Body(p, c.Section(p.Body)), clean.MaxInline))
	if err != nil {
		return "", false
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b), true
}

// maxPictureHead is how far into a picture its size is looked for.
const maxPictureHead = 256 << 10

// pictureSize is the size of a picture of the mail, zeros if it cannot be told.
func pictureSize(c *vault.Content, id string) (width, height int, ok bool) {
	p, kind, ok := picture(c, id)
	if !ok {
		return 0, 0, false
	}
	size, err := pictures[kind](io.LimitReader(message.Body(p, c.Section(p.Body)), maxPictureHead))
	if err != nil {
		return 0, 0, !errors.Is(err, vault.ErrFenced)
	}
	return size.Width, size.Height, true
}
