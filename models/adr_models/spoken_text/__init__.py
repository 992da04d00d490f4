"""The networks around speech from text: letters to phones, phones to durations."""
