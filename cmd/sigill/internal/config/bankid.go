package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"sigill/web/login"
	"sigill/web/login/bankid"
)

// BankID is BankID without a broker, by an agreement with a bank.
type BankID struct {
	ID             string `toml:"id"`
	Name           string `toml:"name"`
	Environment    string `toml:"environment"`
	CA             File   `toml:"ca"`
	Certificate    File   `toml:"certificate"`
	Key            File   `toml:"key"`
	Purpose        string `toml:"purpose"`
	PurposeEnglish string `toml:"purpose_english"`
	Risk           string `toml:"risk"`
	PinCode        bool   `toml:"pin_code"`
}

var environments = map[string]bankid.Environment{"production": bankid.Production, "test": bankid.Test}

func (b *BankID) setDefaults() {
	b.ID, b.Name, b.Environment = "bankid", "BankID", "production"
}

func (b BankID) check(f faults, whole *Config) {
	_, known := environments[b.Environment]
	f.need("environment", known, "must be \"production\" or \"test\"")
	_, err := b.authority()
	f.fits("ca", err)
	_, err2 := b.certificate()
	f.fits("certificate", err2)
	if known && err == nil && err2 == nil {
		_, err = b.provider(whole.Organisation.Name)
		f.fits("", err)
	}
}

func (b BankID) authority() (*x509.Certificate, error) {
	ca, err := readCertificate(b.CA)
	return ca, needed(b.CA, "the certificate that BankID's server is under, in PEM", err)
}

func (b BankID) certificate() (tls.Certificate, error) {
	if b.Certificate == "" || b.Key == "" {
		return tls.Certificate{}, errors.New("must be the file of the certificate from the bank, in PEM, and key that of its private key")
	}
	t, err := TLS{Certificate: b.Certificate, Key: b.Key}.Load()
	if err != nil {
		return tls.Certificate{}, err
	}
	return *t, nil
}

// provider makes the provider. It does not reach for the network.
func (b BankID) provider(organisation string) (login.Provider, error) {
	ca, err := b.authority()
	if err != nil {
		return nil, fmt.Errorf("bankid %s: ca: %w", b.ID, err)
	}
	own, err := b.certificate()
	if err != nil {
		return nil, fmt.Errorf("bankid %s: certificate: %w", b.ID, err)
	}
	c := bankid.Config{
		ID: b.ID, Name: b.Name, Environment: environments[b.Environment], CA: ca, Certificate: own, Risk: b.Risk, PinCode: b.PinCode,
		Purpose: map[string]string{
			"sv": "Logga in hos " + organisation + " för att läsa säkra meddelanden.",
			"en": "Log in to " + organisation + " to read secure messages.",
		},
	}
	if b.Purpose != "" {
		c.Purpose["sv"] = b.Purpose
	}
	if b.PurposeEnglish != "" {
		c.Purpose["en"] = b.PurposeEnglish
	}
	return bankid.New(c)
}
