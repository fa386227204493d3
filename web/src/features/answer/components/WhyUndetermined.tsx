import { useTranslation } from 'react-i18next';

import type { Reason } from '@/api/types';
import { useCodeTexts } from '@/i18n/problem-text';

import { Section } from './Section';
import classes from './answer.module.css';

/** Why there is no answer, or what limits it, and what to do next. */
export function Reasons({ title, reasons }: { title: string; reasons: Reason[] }) {
  const { t } = useTranslation();
  const { ofCode } = useCodeTexts();
  return (
    <Section title={title}>
      <ul className={classes.reasonCards}>
        {reasons.map(({ code, message }, place) => {
          const text = ofCode(code);
          return (
            <li key={`${code}-${place}`} data-code={code}>
              <b>{text.title}</b>
              <span>
                <b>{t('study.whatToDo')}:</b> {text.advice}
              </span>
              {/* As it stands in the report and the log, for whoever looks into it. */}
              <code lang="en">
                {code}: {message}
              </code>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
