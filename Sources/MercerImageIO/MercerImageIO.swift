// MercerImageIO
