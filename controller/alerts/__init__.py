"""Alerts: rules find symptoms, blame finds their root, the judge fires and resolves; couriers bring the news."""
