// SPDX-License-Identifier: Apache-2.0
// Everything for which nothing is started, each in its own words: what was thrown on the way to a cell.

import Budget
import Cedar
import Config
import Learning
import Linux
import Sandbox
import Session

extension RunReport {
    /// - Returns: the exit code.
    mutating func refuse(failure: any Error) -> Int32 {
        switch failure {
        case let error as UsageError:
            return refuse(error.text, help: error.help)
        case let error as ConfigError:
            return refuse(error)
        case let error as CellError:
            return refuse(error.message.text, help: error.message.help, code: error.exitCode)
        case let error as LaunchError:
            return refuse(error.message.text, help: error.message.help)
        case let error as LearningError:
            return refuse(error.message.text, help: error.message.help)
        case let error as LaunchRefused:
            return refuse(error.refusal)
        case let error as LogPlaceError:
            governing = nil  // nothing more can be written there
            return refuse(error.message, help: error.help)
        case let error as PolicyFailure:
            return refuse("no policy was loaded, and nothing is started: \(error.text)", help: error.help)
        case let error as PolicyLoadError:
            return refuse(
                "the policies do not load, and nothing is started: \(error.problems.joined(separator: "\n"))", help: "fumehood policy check says all of it")
        case let error as LogFailure:
            return refuse(error.text, help: error.help)
        case let error as BudgetError:
            return refuse(error.message, help: error.help)
        case let error as LockFileError:
            return refuse(error.message, help: error.help)
        case let error as SystemError:
            return refuse(error.message, help: LaunchError.scarcity(error.code))
        default:
            return refuse("\(failure)")
        }
    }
}
