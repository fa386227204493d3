import access from './ru-access.json';
import deliveries from './ru-deliveries.json';
import identity from './ru-identity.json';
import reasons from './ru-reasons.json';
import secondFactor from './ru-second-factor.json';
import site from './ru-site.json';
import main from './ru.json';

export default { ...main, ...access, ...deliveries, ...identity, ...reasons, ...secondFactor, ...site };
