smg launch --pd-disaggregation --prefill http://10.0.0.1:30000 8998 --decode http://10.0.0.2:30000
