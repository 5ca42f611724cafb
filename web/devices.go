package web

import (
	"errors"
	"net/http"
	"net/url"

	"sigill/vault"
	"sigill/web/autoconfig"
)

type devicesBody struct {
	Devices []vault.Device
	// Settings are what a mail program needs; nil if mail programs are not offered any.
	Settings *autoconfig.Settings
	Address  string
	Profile  string // of Apple's programs
	Value    string // the name as it was typed
	Fault    string // key of what is wrong with it
	// Made is a password that was just made. This page is the only one that ever shows it.
	Made string
	Name string
}

func (s *Server) devices(v *visit) error {
	ctx := v.r.Context()
	return s.showDevices(v, http.StatusOK, devicesBody{Made: s.sessions.PopString(ctx, keyMade), Name: s.sessions.PopString(ctx, keyMadeName)})
}

func (s *Server) showDevices(v *visit, status int, b devicesBody) (err error) {
	if b.Devices, err = s.config.Vault.Directory().Devices(v.r.Context(), v.who.Address()); err != nil {
		return err
	}
	b.Settings, b.Address = s.config.MailClients, v.who.Address().String()
	b.Profile = "/mail/apple.mobileconfig?" + url.Values{"address": {b.Address}}.Encode()
	return s.render(v, status, "devices", v.lang.heading("devices.title", b.Fault != ""), b)
}

// addDevice makes a password. The session keeps it for the page it leads to, which shows it once: loading that page anew
// neither makes another nor shows it again.
func (s *Server) addDevice(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	name := v.r.PostForm.Get("name")
	device, secret, err := s.config.Vault.Directory().AddDevice(v.r.Context(), v.who.Address(), name, v.who.Address())
	switch {
	case errors.Is(err, vault.ErrDeviceName):
		return s.showDevices(v, http.StatusUnprocessableEntity, devicesBody{Value: name, Fault: "devices.error.name"})
	case errors.Is(err, vault.ErrTooManyDevices):
		return s.showDevices(v, http.StatusConflict, devicesBody{Value: name, Fault: "devices.error.many"})
	case err != nil:
		return err
	}
	s.sessions.Put(v.r.Context(), keyMade, secret)
	s.sessions.Put(v.r.Context(), keyMadeName, device.Name)
	return v.redirect("/devices")
}

// revokeDevice ends a password; one that is gone already is what was wanted.
func (s *Server) revokeDevice(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	err := s.config.Vault.Directory().RevokeDevice(v.r.Context(), v.who.Address(), v.r.PostForm.Get("id"), v.who.Address())
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return v.redirect("/devices")
}
