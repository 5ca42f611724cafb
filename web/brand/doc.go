// Package brand makes the pages look like the organisation's own: a logo and an accent colour, both from its
// configuration, both refused at start rather than shown wrongly.
//
// A colour counts only if it can be read: its contrast with everything it stands on is computed by WCAG's formula, in the
// light scheme and in the dark one, and what the pages need beside it (hover, tint) is made of it so that it can be read
// too. A logo is a picture: an SVG that could run, load or link to anything is refused, and the server sends it with a
// policy under which it could not.
package brand
