// MercerImage
