DROP TABLE workitem_events;
DROP TABLE workitem_subscriptions;
DROP TABLE workitems;
