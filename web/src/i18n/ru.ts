import access from './ru-access.json';
import deliveries from './ru-deliveries.json';
import identity from './ru-identity.json';
import pulls from './ru-pulls.json';
import reasons from './ru-reasons.json';
import secondFactor from './ru-second-factor.json';
import site from './ru-site.json';
import main from './ru.json';

export default { ...main, ...access, ...deliveries, ...identity, ...pulls, ...reasons, ...secondFactor, ...site };
