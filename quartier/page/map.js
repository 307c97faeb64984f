function quartierMap(host, data, options) {}
