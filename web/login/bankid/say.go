package bankid

import "sigill/web/login"

// What the pages say. The names are those of BankID's recommended messages; the texts are the pages'.
const (
	sayStart       = "rfa1"  // start the app
	sayCancelled   = "rfa3"  // cancelled by another order
	sayInProgress  = "rfa4"  // one is under way already
	sayTrouble     = "rfa5"  // internal error
	sayBrokenOff   = "rfa6"  // the person broke off
	sayNoAnswer    = "rfa8"  // the app does not answer
	sayCode        = "rfa9"  // write your code
	sayStarting    = "rfa13" // trying to start the app
	saySearchPC    = "rfa15a"
	saySearchPhone = "rfa15b"
	sayBlocked     = "rfa16"
	sayNoApp       = "rfa17a"
	sayNotScanned  = "rfa17b"
	sayUnderway    = "rfa21"
	sayUnknown     = "rfa22"
	sayDocument    = "rfa23"
	// Ours, where BankID recommends none or has no word for it.
	sayScan  = "scan"  // scan the code
	sayOld   = "old"   // the app is too old
	sayRisk  = "risk"  // BankID sees too great a risk
	sayBack  = "back"  // come back to the browser
	sayOther = "other" // it was not done on this device
)

// pending says what a person can do while an order is pending.
func (o *order) pending(hint string) string {
	switch hint {
	case "outstandingTransaction":
		if o.visit.SameDevice {
			return sayStarting
		}
		return sayScan
	case "noClient":
		return sayStart
	case "started":
		switch {
		case !o.visit.SameDevice:
			return sayUnderway
		case login.Phone(o.visit.UserAgent):
			return saySearchPhone
		}
		return saySearchPC
	case "userSign":
		return sayCode
	case "userMrtd":
		return sayDocument
	}
	return sayUnderway
}

// failed says why an order failed.
func (o *order) failed(hint string) string {
	switch hint {
	case "expiredTransaction":
		return sayNoAnswer
	case "certificateErr":
		return sayBlocked
	case "userCancel":
		return sayBrokenOff
	case "cancelled":
		return sayCancelled
	case "startFailed":
		if o.visit.SameDevice {
			return sayNoApp
		}
		return sayNotScanned
	case "notSupportedByUserApp":
		return sayOld
	case "transactionRiskBlocked":
		return sayRisk
	}
	return sayUnknown
}
