// MercerNN
