"""What each bus does beyond what every bus owes."""
