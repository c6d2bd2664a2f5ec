mod enforcement;
