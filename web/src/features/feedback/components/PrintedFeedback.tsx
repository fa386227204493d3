import { useTranslation } from 'react-i18next';

import { useFeedback } from '@/api/feedback';
import type { Report } from '@/api/types';

import { FeedbackLine } from './FeedbackLine';

/** Everything that readers said about the answer, on paper. */
export function PrintedFeedback({ report }: { report: Report }) {
  const { t } = useTranslation();
  const { data, error } = useFeedback(report.analysis_id);
  if (error || !data) {
    return null;
  }
  return (
    <section data-testid="printed-feedback">
      <h3>{t('report.feedback')}</h3>
      {data.length === 0 && <p>{t('report.noFeedback')}</p>}
      {data.map((feedback) => (
        <p key={`${feedback.created_at}-${feedback.user?.name ?? ''}`}>
          <FeedbackLine feedback={feedback} findings={report.findings} />
        </p>
      ))}
    </section>
  );
}
